"""RCAN (1807.02758): rcan_x<scale>; a small one of ours; and bicubic interpolation beside them."""

from zoo.inputs import upscaling
from zoo.registry import register

MODEL = "zoo.families.rcan.model:RCAN"
TINY = {"groups": 2, "blocks": 4, "channels": 32}

for scale in (2, 3, 4, 8):
    register(MODEL, {f"rcan_x{scale}": {"scale": scale}}, upscaling(scale))
for scale in (2, 4):
    register(MODEL, {f"rcan_tiny_x{scale}": {"scale": scale, **TINY}}, upscaling(scale))
for scale in (2, 3, 4, 8):
    register(
        "zoo.families.rcan.bicubic:Bicubic",
        {f"bicubic_x{scale}": {"scale": scale}},
        upscaling(scale),
    )
