"""Parallel vision transformers (2203.09795), by the names of the authors' models_v2.py.

`_ls` have LayerScale, from 1e-4; `_hmlp` are ViT-S12 and ViT-B12 with the hierarchical stem. ViT-Ti
of 4 layers, `deit_tiny_patch16_4`, is for small images.
"""

from functools import partial

from zoo.models._cfgs import VIT_CFG
from zoo.models._registry import register_models

SIZES = {
    "deit_small_patch16_36": "S36",
    "deit_small_patch16_18x2": "S18x2",
    "deit_base_patch16_36x1": "B36",
    "deit_base_patch16_18x2": "B18x2",
}
CFG = VIT_CFG | {
    "interpolation": "bicubic",
    "pool_size": (197, 1),  # class token and patches
    "first_conv": "patch_embed.proj",
    "classifier": "head",
}
register = partial(
    register_models, "zoo.models.parallel_vit.model:ParallelViT", task="image-classification"
)
register(
    {name: {"size": size} for name, size in SIZES.items()}
    | {f"{name}_ls": {"size": size, "layer_scale": 1e-4} for name, size in SIZES.items()}
    | {"deit_tiny_patch16_4": {"size": "Ti4"}},
    CFG,
)
register(
    {
        "deit_small_patch16_hmlp": {"size": "S12", "stem": "hmlp"},
        "deit_base_patch16_hmlp": {"size": "B12", "stem": "hmlp"},
        "deit_tiny_patch16_4_hmlp": {"size": "Ti4", "stem": "hmlp"},
    },
    CFG | {"first_conv": "patch_embed.proj.0"},
)
