"""Poincare ResNets (2303.14027) for small images; w4 is 4, 8 and 16 channels wide."""

from itertools import product

from zoo.models._cfgs import CIFAR_CFG
from zoo.models._registry import register_models

register_models(
    "zoo.models.poincare_resnet.model:PoincareResNet",
    {
        f"poincare_resnet{depth}_w{width}": {"depth": depth, "width": width}
        for width, depth in product((4, 8, 16), (20, 32))
    },
    CIFAR_CFG | {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)},
    task="image-classification",
)
