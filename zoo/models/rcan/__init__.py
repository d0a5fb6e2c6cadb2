"""RCAN (1807.02758): rcan_x<scale>; a small one of ours; and bicubic interpolation beside them."""

from zoo.models._cfgs import super_resolution_cfg
from zoo.models._registry import register_models

MODEL = "zoo.models.rcan.model:RCAN"
TINY = {"groups": 2, "blocks": 4, "channels": 32}

for scale in (2, 3, 4, 8):
    register_models(
        MODEL,
        {f"rcan_x{scale}": {"scale": scale}},
        super_resolution_cfg(scale),
        task="super-resolution",
    )
for scale in (2, 4):
    register_models(
        MODEL,
        {f"rcan_tiny_x{scale}": {"scale": scale, **TINY}},
        super_resolution_cfg(scale),
        task="super-resolution",
    )
for scale in (2, 3, 4, 8):
    register_models(
        "zoo.models.rcan.bicubic:Bicubic",
        {f"bicubic_x{scale}": {"scale": scale}},
        super_resolution_cfg(scale),
        task="super-resolution",
    )
