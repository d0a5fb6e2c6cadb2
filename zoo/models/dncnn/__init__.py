"""DnCNN (1608.03981): dncnn_s for one noise level, dncnn_b for any, dncnn_cb in colour, and dncnn_3
for noise, images that were upscaled, and JPEG."""

from functools import partial

from zoo.models._cfgs import denoising_cfg
from zoo.models._registry import register_models

register = partial(register_models, task="denoising")
TARGET = "zoo.models.dncnn.model:DnCNN"

register(
    TARGET, {"dncnn_s": {}, "dncnn_b": {"depth": 20}, "dncnn_3": {"depth": 20}}, denoising_cfg(1)
)
register(TARGET, {"dncnn_cb": {"depth": 20, "in_chans": 3}}, denoising_cfg(3))
register(TARGET, {"dncnn_tiny": {"depth": 8, "width": 32, "epsilon": 1e-4}}, denoising_cfg(1))
