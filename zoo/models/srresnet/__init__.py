"""SRResNet (1609.04802): srresnet_x4, the generator of SRGAN."""

from zoo.models._cfgs import super_resolution_cfg
from zoo.models._registry import register_models

register_models(
    "zoo.models.srresnet.model:SRResNet",
    {"srresnet_x4": {}},
    super_resolution_cfg(4),
    task="super-resolution",
)
