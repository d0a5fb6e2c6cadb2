"""RDNet (2403.19588): the four sizes of Table B."""

from zoo.models._cfgs import IMAGENET_CFG
from zoo.models._registry import register_models

TABLE_B = {  # features of the stem, growth rates of the mixing blocks, blocks that halve the image
    "tiny": (64, (64, 104, 128, 128, 128, 128, 224), (1, 2, 6)),
    "small": (72, (64, 128, *[128] * 7, 240, 240), (1, 2, 9)),
    "base": (120, (96, 128, *[168] * 7, 336, 336), (1, 2, 9)),
    "large": (144, (128, 192, *[256] * 8, 360, 360), (1, 2, 10)),
}

register_models(
    "zoo.models.rdnet.model:RDNet",
    {
        f"rdnet_{size}": {
            "init_features": features,
            "growth_rates": growth_rates,
            "downsample": downsample,
        }
        for size, (features, growth_rates, downsample) in TABLE_B.items()
    },
    IMAGENET_CFG
    | {
        "crop_pct": 0.9,
        "interpolation": "bicubic",
        "first_conv": "stem.0",
        "classifier": "head.fc",
    },
    task="image-classification",
)
