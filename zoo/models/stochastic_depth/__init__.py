"""Stochastic depth (1603.09382): its ResNets; `drop_path_rate` is 1 - p_L, and 0 constant depth."""

from functools import partial

from zoo.models._cfgs import CIFAR_CFG, IMAGENET_CFG
from zoo.models._registry import register_models

register = partial(register_models, task="image-classification")
register(
    "zoo.models.stochastic_depth.model:StochasticDepthCifarResNet",
    {f"sd_resnet{depth}": {"depth": depth} for depth in (110, 1202)},
    CIFAR_CFG,
)
register(
    "zoo.models.stochastic_depth.model:StochasticDepthResNet",
    {"sd_resnet152": {"depth": 152}},
    IMAGENET_CFG,
)
