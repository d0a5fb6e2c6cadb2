"""Wide Residual Networks (1605.07146): wrn<depth>_<widening factor>, wide_resnet for ImageNet."""

from functools import partial

from zoo.models._cfgs import CIFAR_CFG, IMAGENET_CFG
from zoo.models._registry import register_models

register = partial(register_models, task="image-classification")
ROWS = [
    (16, (1, 4, 8, 10)),
    (22, (2, 8, 10)),
    (28, (2, 10, 12)),
    (40, (1, 2, 4, 8, 10)),
    (52, (1,)),
]

register(
    "zoo.models.wrn.model:WideResNet",
    {f"wrn{depth}_{k}": {"depth": depth, "k": k} for depth, factors in ROWS for k in factors},
    CIFAR_CFG,
)
register(
    "zoo.models.wrn.model:WideBasicResNet",
    {f"wide_resnet{depth}": {"depth": depth} for depth in (18, 34)},
    IMAGENET_CFG,
)
register("zoo.models.wrn.model:WideBottleneckResNet", {"wide_resnet50_2": {}}, IMAGENET_CFG)
