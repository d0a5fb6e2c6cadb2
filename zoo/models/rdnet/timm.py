"""Relation of timm's weights to the paper (see eval/timm_weights.py)."""

from zoo.papers.weights import TimmOverrides

OWN = ("official", "the authors' own, in their own repository")

TIMM_OVERRIDES = TimmOverrides(relations={"nv_in1k": OWN, "nv_in1k_ft_in1k_384": OWN})
