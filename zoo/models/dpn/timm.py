"""Relation of timm's weights to the paper (see eval/timm_weights.py)."""

from zoo.papers.weights import OTHER_RECIPE, TimmOverrides

EXTRA = "the authors' MXNet weights, trained on ImageNet-5k first, converted for timm"

TIMM_OVERRIDES = TimmOverrides(
    relations={
        "mx_in1k": ("port", "the authors' MXNet weights, converted for timm"),
        "dpn68b.mx_in1k": ("port", EXTRA),
        "dpn107.mx_in1k": ("port", EXTRA),
        "dpn92.mx_in1k": (OTHER_RECIPE, f"{EXTRA}: its error is that of the converter's DPN-92*"),
    }
)
