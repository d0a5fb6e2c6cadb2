"""Residual Attention Network (1704.06904): the networks of the authors' prototxts."""

from functools import partial

from zoo.models._cfgs import IMAGENET_CFG
from zoo.models._registry import register_models

register = partial(register_models, task="image-classification")
PACKAGE = "zoo.models.residual_attention.model"

register(
    f"{PACKAGE}:ResidualAttention",
    {"resattnet56": {"modules": (1, 1, 1)}, "resattnet92": {"modules": (1, 2, 3)}},
    IMAGENET_CFG,
)
register(f"{PACKAGE}:AttentionNeXt", {"resattnext56": {"modules": (1, 1, 1)}}, IMAGENET_CFG)
