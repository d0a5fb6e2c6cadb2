"""What the weights that timm has for this room are to the paper (see eval/timm_weights.py)."""

from zoo.pretrained import ANOTHER, Decisions

TIMM = Decisions(
    relations={
        "resnext101_64x4d.tv_in1k": (
            ANOTHER,
            "torchvision's of 2022, made by its second recipe: 17.02 % where its first gives about "
            "a fifth more",
        )
    },
    views={"imagenet-center": (224, 0.875)},
)
