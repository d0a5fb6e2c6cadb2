"""Res2Net (1904.01169)."""

from functools import partial

from zoo.models._cfgs import CIFAR_CFG, IMAGENET_CFG
from zoo.models._registry import register_models

register = partial(register_models, task="image-classification")
TABLE_3 = ((26, 4), (48, 2), (14, 8), (26, 6), (26, 8), (18, 4))
TABLE_4 = ((6, 24, 4), (8, 25, 4), (6, 24, 6))
SMALL = (1, 26, 4)  # ours: as many parameters as resnext29_1x64d
V1B = {"first_conv": "conv1.0"}
CIFAR_100 = {
    "num_classes": 100,
    "mean": (0.485, 0.456, 0.406),  # the authors' (issue 36 of their repository)
    "std": (0.229, 0.224, 0.225),
}

register(
    "zoo.models.res2net.model:Res2Net",
    {
        f"res2net50_{width}w_{scale}s": {"depth": 50, "slice_width": width, "scale": scale}
        for width, scale in TABLE_3
    }
    | {"res2net101_26w_4s": {"depth": 101}},
    IMAGENET_CFG,
)
register(
    "zoo.models.res2net.v1b:Res2NetV1b",
    {f"res2net{depth}_v1b": {"depth": depth} for depth in (50, 101)},
    IMAGENET_CFG | V1B,
)
register(
    "zoo.models.res2net.dla:Res2NetDla",
    {
        "dla60_res2net": {"slice_width": 28},
        "dla60_res2next": {"slice_width": 4, "cardinality": 8},
    },
    IMAGENET_CFG | {"first_conv": "base_layer.0"},
)
register("zoo.models.res2net.res2next:Res2NeXt", {"res2next50": {}}, IMAGENET_CFG)


def cifar(dimensions: tuple[tuple[int, int, int], ...], end: str = "") -> dict[str, dict[str, int]]:
    """Return the arguments of Res2NeXt-29 by its name."""
    return {
        f"res2next29_{c}cx{width}wx{scale}s{end}": {
            "cardinality": c,
            "slice_width": width,
            "scale": scale,
        }
        for c, width, scale in dimensions
    }


register(
    "zoo.models.res2net.res2next:CifarRes2NeXt", cifar((*TABLE_4, SMALL)), CIFAR_CFG | CIFAR_100
)
register(
    "zoo.models.res2net.res2next:GroupedCifarRes2NeXt",
    cifar(TABLE_4, "_grouped"),
    CIFAR_CFG | CIFAR_100 | {"num_classes": 10},
)
