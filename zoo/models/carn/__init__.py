"""CARN (1803.08664): carn and carn_m for x2, x3 and x4 in one network, or carn_x<scale>, ..."""

from functools import partial

from zoo.models._cfgs import super_resolution_cfg
from zoo.models._registry import register_models

register = partial(register_models, task="super-resolution")
CARN = "zoo.models.carn.model:CARN"

for name, args in (("carn", {}), ("carn_m", {"groups": 4})):
    register(CARN, {name: args}, super_resolution_cfg(4))
    for scale in (2, 3, 4):
        register(
            CARN,
            {f"{name}_x{scale}": {"scale": scale, "scales": (scale,), **args}},
            super_resolution_cfg(scale),
        )
