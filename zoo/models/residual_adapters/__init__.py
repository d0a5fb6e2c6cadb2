"""Residual adapters (1705.08045): ResNet-26 on images of 64 pixels, for one domain or for ten."""

from functools import partial

from zoo.models._cfgs import IMAGENET_CFG
from zoo.models._registry import register_models

# Classes of the nine domains of the Visual Decathlon beside ImageNet, in the paper's order.
DECATHLON = (100, 100, 2, 47, 43, 102, 1623, 10, 101)
CFG = IMAGENET_CFG | {
    "input_size": (3, 64, 64),
    "pool_size": (8, 8),
    "crop_pct": 64 / 72,
    "first_conv": "conv1.conv",
    "classifier": "linears.0",
}
register = partial(
    register_models,
    "zoo.models.residual_adapters.model:ResidualAdapterResNet",
    cfg=CFG,
    task="image-classification",
)
register(models={"resadapt26": {"adapter": "none"}})  # what its domains share, and one domain
register(models={f"resadapt26_{kind}": {"adapter": kind} for kind in ("series", "parallel")})
register(models={"resadapt26_series_decathlon": {"adapter": "series", "domains": DECATHLON}})
