"""Relation of timm's weights to the paper (see eval/timm_weights.py)."""

from zoo.papers.weights import TimmOverrides

TIMM_OVERRIDES = TimmOverrides(
    relations={
        "fb_in1k": ("official", "the authors' own: 400 epochs, no distillation"),
        "fb_distilled_in1k": ("official", "the authors' own, distilled from a RegNetY-16GF"),
        "fb_in22k_ft_in1k": ("official", "the authors' own, trained on ImageNet-21k first"),
        "fb_dino": ("official", "the authors' own, without labels: no classifier"),
    },
    protocols={
        "fb_in1k": "imagenet",
        "fb_distilled_in1k": "distilled",
        "fb_in22k_ft_in1k": "imagenet-21k",
        "fb_dino": "dino-knn",
    },
)
