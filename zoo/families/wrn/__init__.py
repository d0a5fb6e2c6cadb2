"""Wide Residual Networks (1605.07146): wrn<depth>_<widening factor>, wide_resnet for ImageNet."""

from zoo.inputs import CIFAR, IMAGENET
from zoo.registry import register

ROWS = [
    (16, (1, 4, 8, 10)),
    (22, (2, 8, 10)),
    (28, (2, 10, 12)),
    (40, (1, 2, 4, 8, 10)),
    (52, (1,)),
]

register(
    "zoo.families.wrn.model:WideResNet",
    {f"wrn{depth}_{k}": {"depth": depth, "k": k} for depth, factors in ROWS for k in factors},
    CIFAR,
)
register(
    "zoo.families.wrn.model:WideBasicResNet",
    {f"wide_resnet{depth}": {"depth": depth} for depth in (18, 34)},
    IMAGENET,
)
register("zoo.families.wrn.model:WideBottleneckResNet", {"wide_resnet50_2": {}}, IMAGENET)
