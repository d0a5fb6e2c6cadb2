"""EDSR (1707.02921): edsr_baseline_x<scale>, edsr_x<scale>, and mdsr for all scales at once."""

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
register("zoo.families.edsr.model:MDSR", {"mdsr": {}}, upscaling(4))
