"""Relation of timm's weights to the paper (see eval/timm_weights.py)."""

from zoo.papers.weights import OTHER_RECIPE, TimmOverrides

TIMM_OVERRIDES = TimmOverrides(
    relations={
        "in1k": ("port", "the authors' own weights, kept by timm"),
        "gluon_in1k": (OTHER_RECIPE, "GluonCV's; the paper has no network of this depth"),
    }
)
