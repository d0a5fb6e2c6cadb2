"""Stochastic depth (1603.09382): its ResNets; `drop_path_rate` is 1 - p_L, and 0 constant depth."""

from zoo.inputs import CIFAR, IMAGENET
from zoo.registry import register

register(
    "zoo.families.stochastic_depth.model:StochasticDepthCifarResNet",
    {f"sd_resnet{depth}": {"depth": depth} for depth in (110, 1202)},
    CIFAR,
)
register(
    "zoo.families.stochastic_depth.model:StochasticDepthResNet",
    {"sd_resnet152": {"depth": 152}},
    IMAGENET,
)
