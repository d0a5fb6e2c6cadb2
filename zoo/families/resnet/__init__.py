"""ResNet and its plain counterparts (1512.03385): the names; the networks are in model.py."""

from zoo.inputs import CIFAR, IMAGENET
from zoo.registry import register

DEPTHS = (18, 34, 50, 101, 152)
CIFAR_DEPTHS = (20, 32, 44, 56, 110)

register(
    "zoo.families.resnet.model:ResNet",
    {f"resnet{depth}": {"depth": depth} for depth in DEPTHS}
    | {
        f"resnet{depth}_v1": {
            "depth": depth,
            "original": True,
            "shortcut": "A" if depth in (18, 34) else "B",
        }
        for depth in DEPTHS
    },
    IMAGENET,
)
register(
    "zoo.families.resnet.plain:PlainNet",
    {f"plain{depth}": {"depth": depth} for depth in (18, 34)},
    IMAGENET,
)
register(
    "zoo.families.resnet.model:CifarResNet",
    {f"resnet{depth}": {"depth": depth} for depth in (*CIFAR_DEPTHS, 1202)},
    CIFAR,
)
register(
    "zoo.families.resnet.plain:CifarPlainNet",
    {f"plain{depth}": {"depth": depth} for depth in CIFAR_DEPTHS},
    CIFAR,
)
