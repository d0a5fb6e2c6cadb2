"""Relation of timm's weights to the paper (see eval/timm_weights.py)."""

from zoo.papers.weights import OTHER_RECIPE, TimmOverrides

TIMM_OVERRIDES = TimmOverrides(
    relations={"lamb_in1k": (OTHER_RECIPE, "timm's, with the LAMB optimizer (1904.00962)")}
)
