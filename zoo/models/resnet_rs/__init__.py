"""ResNet-RS (2103.07579): blocks of each stage, and the pixels per side of the training images."""

from zoo.models._cfgs import IMAGENET_CFG
from zoo.models._registry import register_models

SIZES = {  # the largest networks were also trained on 320 x 320; 101 and 152 on smaller images
    50: ((3, 4, 6, 3), 160),
    101: ((3, 4, 23, 3), 192),
    152: ((3, 8, 36, 3), 256),
    200: ((3, 24, 36, 3), 256),
    270: ((4, 29, 53, 4), 256),
    350: ((4, 36, 72, 4), 256),
    420: ((4, 44, 87, 4), 320),
}

for depth, (stage_blocks, pixels) in SIZES.items():
    register_models(
        "zoo.models.resnet_rs.model:ResNetRS",
        {f"resnetrs{depth}": {"stage_blocks": stage_blocks}},
        IMAGENET_CFG
        | {
            "input_size": (3, pixels, pixels),
            "pool_size": (pixels // 32, pixels // 32),
            "crop_pct": pixels * 1000 // (pixels + 32) / 1000,
            "interpolation": "bicubic",
            "first_conv": "conv1.0",
        },
        task="image-classification",
    )
