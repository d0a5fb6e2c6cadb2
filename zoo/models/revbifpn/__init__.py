"""RevBiFPN (2206.14098): the sizes S0 to S6 of the authors' code."""

from typing import Any

from zoo.models._cfgs import IMAGENET_CFG
from zoo.models._registry import register_models

SIZES = {  # pixels, width, RevSilos after the last level was made
    "s0": (224, 1.0, 2),
    "s1": (256, 4 / 3, 2),
    "s2": (256, 2.0, 2),
    "s3": (288, 8 / 3, 3),
    "s4": (320, 4.0, 4),
    "s5": (352, 16 / 3, 4),
    "s6": (352, 20 / 3, 5),
}


def cfg(pixels: int) -> dict[str, Any]:
    """Return the configuration of a size; no convolution sees an image as it is."""
    images = {"input_size": (3, pixels, pixels), "pool_size": (pixels // 32, pixels // 32)}
    return IMAGENET_CFG | images | {"interpolation": "bicubic", "first_conv": ""}


for size, (pixels, width, fusions) in SIZES.items():
    register_models(
        "zoo.models.revbifpn.model:RevBiFPN",
        {f"revbifpn_{size}": {"width_multiplier": width, "fusions": fusions}},
        cfg(pixels),
        task="image-classification",
    )
