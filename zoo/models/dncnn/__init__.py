"""DnCNN (1608.03981): dncnn_s for one strength of noise, dncnn_b for any, dncnn_cb in colour."""

from zoo.models._cfgs import denoising_cfg
from zoo.models._registry import register_models

TARGET = "zoo.models.dncnn.model:DnCNN"

register_models(
    TARGET, {"dncnn_s": {}, "dncnn_b": {"depth": 20}}, denoising_cfg(1), task="denoising"
)
register_models(
    TARGET, {"dncnn_cb": {"depth": 20, "in_chans": 3}}, denoising_cfg(3), task="denoising"
)
register_models(
    TARGET,
    {"dncnn_tiny": {"depth": 8, "width": 32, "epsilon": 1e-4}},
    denoising_cfg(1),
    task="denoising",
)
