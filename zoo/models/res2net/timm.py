"""Relation of timm's weights to the paper (see eval/timm_weights.py)."""

from zoo.papers.weights import TimmOverrides

TIMM_OVERRIDES = TimmOverrides(
    names={"res2net50_v1b": "res2net50d", "res2net101_v1b": "res2net101d"},
    relations={"in1k": ("port", "the authors' own weights, kept by timm")},
    license="cc-by-nc-sa-4.0",  # of the authors' repository, weights included; timm says unknown
)
