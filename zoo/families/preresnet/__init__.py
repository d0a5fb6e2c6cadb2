"""Pre-activation ResNet (1603.05027) and the original-unit nets that it is compared with."""

from zoo.inputs import CIFAR, IMAGENET
from zoo.registry import register

register(
    "zoo.families.preresnet.model:BasicPreResNet",
    {f"preresnet{depth}": {"depth": depth} for depth in (20, 110)},
    CIFAR,
)
register(
    "zoo.families.preresnet.model:BottleneckPreResNet",
    {f"preresnet{depth}": {"depth": depth} for depth in (164, 1001)},
    CIFAR,
)
register(
    "zoo.families.preresnet.model:PreResNet",
    {f"preresnet{depth}": {"depth": depth} for depth in (50, 101, 152, 200)},
    IMAGENET,
)
register(
    "zoo.families.preresnet.original:OriginalBottleneckResNet",
    {f"resnet{depth}": {"depth": depth} for depth in (164, 1001)},
    CIFAR,
)
register("zoo.families.preresnet.original:OriginalResNet200", {"resnet200_v1": {}}, IMAGENET)
