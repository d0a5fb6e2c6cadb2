"""Dual Path Networks (1707.01629): of Table 1, DPN-131, and of the authors' code only."""

from functools import partial

from zoo.models._cfgs import IMAGENET_CFG
from zoo.models._registry import register_models

register = partial(register_models, task="image-classification")
# Blocks and increments (+k) of conv2 to conv5; cardinality x base width; filters of conv1.
TABLE_1 = {
    92: (((3, 16), (4, 32), (20, 24), (3, 128)), 32, 3, 64),
    98: (((3, 16), (6, 32), (20, 32), (3, 128)), 40, 4, 96),
}
AUTHORS = {  # settings/ of their code; 131 is in Table 2
    131: (((4, 16), (8, 32), (28, 32), (3, 128)), 40, 4, 128),
    107: (((4, 20), (8, 64), (20, 64), (3, 128)), 50, 4, 128),
}
CFG = IMAGENET_CFG | {  # score.py: less the mean of ImageNet's colours, times 0.0167
    "mean": (124 / 255, 117 / 255, 104 / 255),
    "std": (1 / (0.0167 * 255),) * 3,
    "interpolation": "bicubic",
    "first_conv": "features.conv1_1.conv",
    "classifier": "classifier",
}

register(
    "zoo.models.dpn.model:SmallDPN", {"dpn68": {"split": False}, "dpn68b": {"split": True}}, CFG
)
register(
    "zoo.models.dpn.model:DPN",
    {
        f"dpn{depth}": {
            "stages": stages,
            "cardinality": cardinality,
            "base_width": base_width,
            "stem_width": stem_width,
        }
        for depth, (stages, cardinality, base_width, stem_width) in (TABLE_1 | AUTHORS).items()
    },
    CFG,
)
