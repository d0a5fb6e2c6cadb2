"""Stochastic depth (1603.09382): its ResNets; `drop_path_rate` is 1 - p_L, and 0 constant depth."""

from zoo.models._cfgs import CIFAR_CFG, IMAGENET_CFG
from zoo.models._registry import register_models

register_models(
    "zoo.models.stochastic_depth.model:StochasticDepthCifarResNet",
    {f"sd_resnet{depth}": {"depth": depth} for depth in (110, 1202)},
    CIFAR_CFG,
    task="image-classification",
)
register_models(
    "zoo.models.stochastic_depth.model:StochasticDepthResNet",
    {"sd_resnet152": {"depth": 152}},
    IMAGENET_CFG,
    task="image-classification",
)
