"""DRCT (2404.00722): drct_x<scale>, and drct_l_x<scale> with twice as many groups."""

from zoo.models._cfgs import super_resolution_cfg
from zoo.models._registry import register_models

for name, groups in (("drct", 6), ("drct_l", 12)):
    for scale in (2, 3, 4):
        register_models(
            "zoo.models.drct.model:DRCT",
            {f"{name}_x{scale}": {"scale": scale, "groups": groups}},
            super_resolution_cfg(scale),
            task="super-resolution",
        )
