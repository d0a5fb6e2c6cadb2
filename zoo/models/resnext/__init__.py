"""ResNeXt (1611.05431)."""

from functools import partial

from zoo.models._cfgs import CIFAR_CFG, IMAGENET_CFG
from zoo.models._registry import register_models

register = partial(register_models, task="image-classification")
TABLE_3 = {
    50: ((1, 64), (2, 40), (4, 24), (8, 14), (32, 4)),
    101: ((1, 64), (2, 40), (4, 24), (8, 14), (32, 4)),
}
TABLE_4 = {101: ((1, 100), (2, 64), (64, 4))}
RELEASED = {101: ((32, 8),)}  # not in the paper; torchvision's and timm's second ResNeXt-101
TABLE_7 = ((8, 64), (16, 64))
RELATED = ((1, 64), (32, 4), (4, 32))  # Fig. 7's baseline; published by others

register(
    "zoo.models.resnext.model:ResNeXt",
    {
        f"resnext{depth}_{c}x{d}d": {"depth": depth, "cardinality": c, "base_width": d}
        for table in (TABLE_3, TABLE_4, RELEASED)
        for depth, rows in table.items()
        for c, d in rows
    },
    IMAGENET_CFG,
)
register(
    "zoo.models.resnext.model:CifarResNeXt",
    {
        f"resnext29_{c}x{d}d": {"depth": 29, "cardinality": c, "base_width": d}
        for c, d in (*TABLE_7, *RELATED)
    },
    CIFAR_CFG,
)
