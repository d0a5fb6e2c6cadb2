"""DRLN (1906.12021): drln_x<scale>, each a network of one scale."""

from zoo.models._cfgs import super_resolution_cfg
from zoo.models._registry import register_models

for scale in (2, 3, 4, 8):
    register_models(
        "zoo.models.drln.model:DRLN",
        {f"drln_x{scale}": {"scale": scale}},
        super_resolution_cfg(scale),
        task="super-resolution",
    )
