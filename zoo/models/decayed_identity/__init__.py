"""Decayed identity shortcuts (2404.10947): the vision transformers that MAEs train."""

from functools import partial

from zoo.models._cfgs import VIT_CFG
from zoo.models._registry import register_models

CFG = VIT_CFG | {
    "first_conv": "patch_embed.proj",
    "classifier": "head",
    "pool_size": (197, 1),  # class token and patches
}
BASE = {"layers": 12, "width": 768, "heads": 12}
NANO = {"layers": 4, "width": 64, "heads": 4}
register = partial(
    register_models,
    "zoo.models.decayed_identity.model:DecayedViT",
    cfg=CFG,
    task="image-classification",
)
register(
    {
        "mae_vit_nano_patch16_decay": {**NANO, "min_decay": 0.6},  # the zoo's own
        "mae_vit_nano_patch16_skip": {**NANO, "min_decay": 1.0},
        "mae_vit_base_patch16_decay": {**BASE, "min_decay": 0.6},
    }
)
