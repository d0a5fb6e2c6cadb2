"""What the weights that timm has for this room are to the paper (see eval/timm_weights.py)."""

from zoo.pretrained import ANOTHER, Decisions

TIMM = Decisions(
    relations={
        "resnext101_64x4d.tv_in1k": (
            ANOTHER,
            "torchvision's of 2022, by a recipe like its second: not what tv_in1k is elsewhere",
        )
    }
)
