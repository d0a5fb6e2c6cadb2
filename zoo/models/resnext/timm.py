"""Relation of timm's weights to the paper (see eval/timm_weights.py)."""

from zoo.papers.weights import OTHER_RECIPE, TimmOverrides

TIMM_OVERRIDES = TimmOverrides(
    relations={
        "resnext101_64x4d.tv_in1k": (
            OTHER_RECIPE,
            "torchvision's of 2022, by a recipe like its second: not what tv_in1k is elsewhere",
        )
    }
)
