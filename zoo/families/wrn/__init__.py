"""Wide Residual Networks (1605.07146): wrn<depth>_<widening factor>, wide_resnet for ImageNet."""

from zoo.registry import CIFAR, IMAGENET, register

ROWS = """16_1 16_4 16_8 16_10 22_2 22_8 22_10 28_2 28_10 28_12
          40_1 40_2 40_4 40_8 40_10 52_1""".split()

register(
    "zoo.families.wrn.model:WideResNet",
    {f"wrn{row}": dict(zip(("depth", "k"), map(int, row.split("_")), strict=True)) for row in ROWS},
    CIFAR,
)
register(
    "zoo.families.wrn.model:WideBasicResNet",
    {f"wide_resnet{depth}": {"depth": depth} for depth in (18, 34)},
    IMAGENET,
)
register("zoo.families.wrn.model:WideBottleneckResNet", {"wide_resnet50_2": {}}, IMAGENET)
