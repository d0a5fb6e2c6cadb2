"""Pre-activation ResNet (1603.05027) and the original-unit nets that it is compared with."""

from functools import partial

from zoo.models._cfgs import CIFAR_CFG, IMAGENET_CFG
from zoo.models._registry import register_models

register = partial(register_models, task="image-classification")
register(
    "zoo.models.preresnet.model:BasicPreResNet",
    {f"preresnet{depth}": {"depth": depth} for depth in (20, 110)},
    CIFAR_CFG,
)
register(
    "zoo.models.preresnet.model:BottleneckPreResNet",
    {f"preresnet{depth}": {"depth": depth} for depth in (164, 1001)},
    CIFAR_CFG,
)
register(
    "zoo.models.preresnet.model:PreResNet",
    {f"preresnet{depth}": {"depth": depth} for depth in (50, 101, 152, 200)},
    IMAGENET_CFG,
)
register(
    "zoo.models.preresnet.original:OriginalBottleneckResNet",
    {f"resnet{depth}": {"depth": depth} for depth in (164, 1001)},
    CIFAR_CFG,
)
register("zoo.models.preresnet.original:OriginalResNet200", {"resnet200_v1": {}}, IMAGENET_CFG)
