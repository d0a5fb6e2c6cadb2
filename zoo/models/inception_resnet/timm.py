"""Relation of timm's weights to the paper (see eval/timm_weights.py)."""

from zoo.papers.weights import OTHER_RECIPE, TimmOverrides

TIMM_OVERRIDES = TimmOverrides(
    relations={
        "tf_in1k": ("port", "the authors' TensorFlow weights, converted for timm"),
        "tf_ens_adv_in1k": (OTHER_RECIPE, "ensemble adversarial training (1705.07204), converted"),
    }
)
