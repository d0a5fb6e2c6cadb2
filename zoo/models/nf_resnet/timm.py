"""Relation of timm's weights to the paper (see eval/timm_weights.py)."""

from zoo.papers.weights import OTHER_RECIPE, TimmOverrides

TIMM_OVERRIDES = TimmOverrides(
    relations={"ra2_in1k": (OTHER_RECIPE, "timm's own, with RandAugment, and timm's form")}
)
