"""RevCol (2212.11696): the sizes of the authors' code."""

from zoo.models._cfgs import IMAGENET_CFG
from zoo.models._registry import register_models

CFG = IMAGENET_CFG | {
    "interpolation": "bicubic",
    "first_conv": "stem.0",
    "classifier": "head.fc",
}
SIZES = {  # columns, blocks of each level, channels of the first: each next one has twice as many
    "tiny": (4, (2, 2, 4, 2), 64),
    "small": (8, (2, 2, 4, 2), 64),
    "base": (16, (1, 1, 3, 2), 72),
    "large": (8, (1, 2, 6, 2), 128),
    "xlarge": (8, (1, 2, 6, 2), 224),
    "huge": (8, (1, 2, 6, 2), 360),
}
MODELS = {
    f"revcol_{size}": {
        "columns": columns,
        "stages": tuple((depth, width << i) for i, depth in enumerate(depths)),
    }
    for size, (columns, depths, width) in SIZES.items()
}
HUGE = {"revcol_huge": MODELS.pop("revcol_huge")}

register_models("zoo.models.revcol.model:RevCol", MODELS, CFG, task="image-classification")
register_models("zoo.models.revcol.model:RevColHuge", HUGE, CFG, task="image-classification")
