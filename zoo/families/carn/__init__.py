"""CARN (1803.08664): carn and carn_m for x2, x3 and x4 in one network, or carn_x<scale>, ..."""

from zoo.inputs import upscaling
from zoo.registry import register

CARN = "zoo.families.carn.model:CARN"

for name, args in (("carn", {}), ("carn_m", {"groups": 4})):
    register(CARN, {name: args}, upscaling(4))
    for scale in (2, 3, 4):
        register(
            CARN,
            {f"{name}_x{scale}": {"scale": scale, "scales": (scale,), **args}},
            upscaling(scale),
        )
