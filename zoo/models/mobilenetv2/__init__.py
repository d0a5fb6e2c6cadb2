"""MobileNetV2 (1801.04381): Table 2 at the widths of Sec. 4, and as trained on CIFAR."""

from functools import partial

from zoo.models._cfgs import CIFAR_CFG, IMAGENET_CFG
from zoo.models._registry import register_models

register = partial(
    register_models, "zoo.models.mobilenetv2.model:MobileNetV2", task="image-classification"
)
LAYERS = {"first_conv": "conv_stem", "classifier": "classifier"}

register(
    {f"mobilenetv2_{percent:03}": {"width": percent / 100} for percent in (35, 50, 75, 100, 140)},
    IMAGENET_CFG | LAYERS | {"interpolation": "bicubic"},
)
# chenyaofo's names and strides: the first two reductions are left out. Beside them what Fig. 6 has.
CIFAR: dict[str, dict[str, object]] = {
    f"mobilenetv2_x{name}": {"width": width, "strides": (1, 1, 1, 2, 2, 1, 2, 1)}
    for name, width in (("0_5", 0.5), ("0_75", 0.75), ("1_0", 1.0), ("1_4", 1.4))
}
CIFAR["mobilenetv2_relu6_x0_5"] = CIFAR["mobilenetv2_x0_5"] | {"bottleneck": "relu6"}
CIFAR["mobilenetv2_plain_x0_5"] = CIFAR["mobilenetv2_x0_5"] | {"shortcuts": "none"}
register(CIFAR, CIFAR_CFG | LAYERS | {"pool_size": (4, 4), "num_classes": 10})
