"""GridFormer (2305.17863): gridformer, for images with haze, rain, drops or snow."""

from zoo.models._cfgs import denoising_cfg
from zoo.models._registry import register_models

register_models(
    "zoo.models.gridformer.model:GridFormer",
    {"gridformer": {}},
    denoising_cfg(3),
    task="denoising",
)
