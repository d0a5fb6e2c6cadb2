"""Residual Flows (1906.02735): densities of points of the plane and of images."""

from zoo.models._cfgs import density_cfg
from zoo.models._registry import register_models

register_models(
    "zoo.models.residual_flows.model:ResidualFlow2d",
    {"residual_flow_toy2d": {}},
    density_cfg(2),
    task="density-estimation",
)
register_models(
    "zoo.models.residual_flows.images:ResidualFlow",
    {"residual_flow_mnist": {}},
    density_cfg(1, 28, 28),
    task="density-estimation",
)
register_models(
    "zoo.models.residual_flows.images:ResidualFlow",
    {
        "residual_flow_cifar10": {"in_chans": 3, "img_size": 32, "alpha": 0.05},
        "residual_flow_imagenet32": {
            "in_chans": 3,
            "img_size": 32,
            "alpha": 0.05,
            "blocks": (32, 32, 32),
        },
    },
    density_cfg(3, 32, 32),
    task="density-estimation",
)
register_models(
    "zoo.models.residual_flows.images:ResidualFlow",
    {
        "residual_flow_imagenet64": {
            "in_chans": 3,
            "img_size": 64,
            "alpha": 0.05,
            "blocks": (32, 32, 32),
            "factor_out": True,
            "squeeze_first": True,
        },
    },
    density_cfg(3, 64, 64),
    task="density-estimation",
)
