"""EDSR (1707.02921): edsr_baseline_x<scale>, edsr_x<scale>, and mdsr for all scales at once.

edsr_tiny_x2 is ours: as many parameters as rcan_tiny_x2, to be set beside it."""

from zoo.inputs import upscaling
from zoo.registry import register

BASELINE = {"blocks": 16, "channels": 64, "res_scale": 1.0}

for name, args in (("edsr_baseline", BASELINE), ("edsr", {})):
    for scale in (2, 3, 4):
        register(
            "zoo.families.edsr.model:EDSR",
            {f"{name}_x{scale}": {"scale": scale, **args}},
            upscaling(scale),
        )
TINY = {"scale": 2, "blocks": 9, "channels": 32, "res_scale": 1.0}
register("zoo.families.edsr.model:EDSR", {"edsr_tiny_x2": TINY}, upscaling(2))
register("zoo.families.edsr.model:MDSR", {"mdsr": {}}, upscaling(4))
