"""PyramidNet (1610.02915): pyramidnet<depth>_a<alpha>, _m<alpha> where the widths multiply."""

from functools import partial

from zoo.models._cfgs import CIFAR_CFG, IMAGENET_CFG
from zoo.models._registry import register_models

register = partial(register_models, task="image-classification")
MODULE = "zoo.models.pyramidnet.model"

register(
    f"{MODULE}:BasicPyramidNet",
    {f"pyramidnet110_a{alpha}": {"depth": 110, "alpha": alpha} for alpha in (48, 84, 270)}
    | {
        f"pyramidnet110_m{alpha}".replace(".", "_"): {
            "depth": 110,
            "alpha": alpha,
            "widening": "multiplicative",
        }
        for alpha in (4.75, 8, 27)
    },
    CIFAR_CFG,
)
register(
    f"{MODULE}:BottleneckPyramidNet",
    {
        f"pyramidnet{depth}_a{alpha}": {"depth": depth, "alpha": alpha}
        for depth, alpha in ((164, 48), (164, 84), (164, 270), (200, 240), (236, 220), (272, 200))
    },
    CIFAR_CFG,
)
register(
    f"{MODULE}:PyramidNet",
    {
        f"pyramidnet{depth}_a{alpha}": {"depth": depth, "alpha": alpha}
        for depth, alpha in ((101, 360), (200, 300), (200, 450))
    },
    IMAGENET_CFG,
)
