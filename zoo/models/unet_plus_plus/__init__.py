"""UNet++ (1807.10165): with one head, with four, pruned, and the U-Nets that it is compared with.

Names that end in w8 or w9 are not the paper's: small networks for trials on a CPU.
"""

from functools import partial

from zoo.models._cfgs import segmentation_cfg
from zoo.models._registry import register_models

register = partial(register_models, cfg=segmentation_cfg(1), task="segmentation")

register(
    "zoo.models.unet_plus_plus.model:UNet",
    {
        "unet_w32": {},
        "unet_wide": {"width": 35},
        "unet_w8": {"width": 8},
        "unet_w9": {"width": 9},
    },
)
register(
    "zoo.models.unet_plus_plus.model:UNetPlusPlus",
    {
        "unetplusplus": {},
        "unetplusplus_ds": {"deep_supervision": True},
        **{f"unetplusplus_l{depth}": {"depth": depth} for depth in (1, 2, 3)},
        "unetplusplus_w8": {"width": 8},
        "unetplusplus_w8_ds": {"width": 8, "deep_supervision": True},
    },
)
