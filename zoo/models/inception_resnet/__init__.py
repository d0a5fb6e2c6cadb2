"""Inception-v4 and Inception-ResNet (1602.07261)."""

from functools import partial

from zoo.models._cfgs import IMAGENET_CFG
from zoo.models._registry import register_models

register = partial(register_models, task="image-classification")
CFG = IMAGENET_CFG | {
    "input_size": (3, 299, 299),
    "min_input_size": (3, 75, 75),  # the least that leaves a pixel: convolutions do not pad
    "pool_size": (8, 8),
    "interpolation": "bicubic",
    "mean": (0.5, 0.5, 0.5),
    "std": (0.5, 0.5, 0.5),
}
RESNET = CFG | {"first_conv": "conv2d_1a.conv", "classifier": "classif"}

register(
    "zoo.models.inception_resnet.inception_v4:InceptionV4",
    {"inception_v4": {}},
    CFG | {"first_conv": "features.0.conv", "classifier": "last_linear"},
)
register("zoo.models.inception_resnet.model:InceptionResNetV1", {"inception_resnet_v1": {}}, RESNET)
register(
    "zoo.models.inception_resnet.model:InceptionResNetV2",
    {"inception_resnet_v2": {}},
    RESNET | {"crop_pct": 0.8975},
)
