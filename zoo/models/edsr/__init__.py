"""EDSR (1707.02921): edsr_baseline_x<scale>, edsr_x<scale>, and mdsr for all scales at once.

edsr_tiny_x2 is ours, with as many parameters as rcan_tiny_x2.
"""

from functools import partial

from zoo.models._cfgs import super_resolution_cfg
from zoo.models._registry import register_models

register = partial(register_models, task="super-resolution")
BASELINE = {"blocks": 16, "channels": 64, "res_scale": 1.0}

for name, args in (("edsr_baseline", BASELINE), ("edsr", {})):
    for scale in (2, 3, 4):
        register(
            "zoo.models.edsr.model:EDSR",
            {f"{name}_x{scale}": {"scale": scale, **args}},
            super_resolution_cfg(scale),
        )
TINY = {"scale": 2, "blocks": 9, "channels": 32, "res_scale": 1.0}
register("zoo.models.edsr.model:EDSR", {"edsr_tiny_x2": TINY}, super_resolution_cfg(2))
register("zoo.models.edsr.model:MDSR", {"mdsr": {}}, super_resolution_cfg(4))
