"""Orthogonal residual updates (2505.11881): ResNetV2 for small images, and vision transformers."""

from functools import partial

from zoo.models._cfgs import CIFAR_CFG, VIT_CFG
from zoo.models._registry import register_models

register = partial(register_models, task="image-classification")
RESNET = "zoo.models.orthogonal_residual.model:OrthogonalResNet"
VIT = "zoo.models.orthogonal_residual.vision:OrthogonalViT"
DEPTHS = (18, 34, 50, 101)
INPUT = CIFAR_CFG | {
    "pool_size": (4, 4),
    "mean": (0.4914, 0.4822, 0.4465),
    "std": (0.2470, 0.2435, 0.2616),
}
VIT_INPUT = VIT_CFG | {
    "classifier": "fc",
    "crop_pct": 1.0,  # data_utils.py of the authors' code
    "pool_size": (197, 1),  # class token and patches
}
SIZES = {
    "s16": {"layers": 6, "width": 384, "heads": 6},
    "b16": {"layers": 12, "width": 768, "heads": 12},
}

for update, prefix in (
    ("feature", "orthogonal"),
    ("global", "orthogonal_global"),
    ("linear", "linear"),
):
    register(
        RESNET,
        {f"{prefix}_resnetv2_{depth}": {"depth": depth, "update": update} for depth in DEPTHS},
        INPUT,
    )
for update, prefix in (("feature", "orthogonal"), ("linear", "linear")):
    register(
        VIT,
        {f"{prefix}_vit_{size}": {**args, "update": update} for size, args in SIZES.items()},
        VIT_INPUT,
    )
