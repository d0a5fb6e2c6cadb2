"""ResNet and its plain counterparts (1512.03385)."""

from functools import partial

from zoo.models._cfgs import CIFAR_CFG, IMAGENET_CFG
from zoo.models._registry import register_models

register = partial(register_models, task="image-classification")
DEPTHS = (18, 34, 50, 101, 152)
CIFAR_DEPTHS = (20, 32, 44, 56, 110)

register(
    "zoo.models.resnet.model:ResNet",
    {f"resnet{depth}": {"depth": depth} for depth in DEPTHS}
    | {
        f"resnet{depth}_v1": {
            "depth": depth,
            "layout": "caffe",
            "shortcut": "A" if depth in (18, 34) else "B",
        }
        for depth in DEPTHS
    },
    IMAGENET_CFG,
)
register(
    "zoo.models.resnet.plain:PlainNet",
    {f"plain{depth}": {"depth": depth} for depth in (18, 34)},
    IMAGENET_CFG,
)
register(
    "zoo.models.resnet.model:CifarResNet",
    {f"resnet{depth}": {"depth": depth} for depth in (*CIFAR_DEPTHS, 1202)},
    CIFAR_CFG,
)
register(
    "zoo.models.resnet.plain:CifarPlainNet",
    {f"plain{depth}": {"depth": depth} for depth in CIFAR_DEPTHS},
    CIFAR_CFG,
)
