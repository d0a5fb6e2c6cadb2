"""Relation of timm's weights to the paper (see eval/timm_weights.py)."""

from zoo.papers.weights import OTHER_RECIPE, TimmOverrides

TIMM_OVERRIDES = TimmOverrides(
    relations={
        "tf_in1k": ("port", "the authors' own weights, converted by timm, which crops otherwise"),
        "resnetrs200.tf_in1k": (OTHER_RECIPE, "timm's own, of its TPU weights, despite the tag"),
    },
    # By the name of timm's file, resnetrs350_i256_ema; timm shows it 288 pixels.
    protocols={"resnetrs350.tf_in1k": "imagenet-256"},
)
