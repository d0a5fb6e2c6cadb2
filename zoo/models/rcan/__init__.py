"""RCAN (1807.02758): rcan_x<scale>, rcan_tiny_x<scale> (ours), and bicubic interpolation."""

from functools import partial

from zoo.models._cfgs import super_resolution_cfg
from zoo.models._registry import register_models

register = partial(register_models, task="super-resolution")
MODEL = "zoo.models.rcan.model:RCAN"
TINY = {"groups": 2, "blocks": 4, "channels": 32}

for scale in (2, 3, 4, 8):
    register(MODEL, {f"rcan_x{scale}": {"scale": scale}}, super_resolution_cfg(scale))
for scale in (2, 4):
    register(MODEL, {f"rcan_tiny_x{scale}": {"scale": scale, **TINY}}, super_resolution_cfg(scale))
for scale in (2, 3, 4, 8):
    register(
        "zoo.models.rcan.bicubic:Bicubic",
        {f"bicubic_x{scale}": {"scale": scale}},
        super_resolution_cfg(scale),
    )
