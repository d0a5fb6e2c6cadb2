"""DnCNN (1608.03981): dncnn_s for one strength of noise, dncnn_b for any, dncnn_cb in colour."""

from zoo.inputs import denoising
from zoo.registry import register

TARGET, TASK = "zoo.families.dncnn.model:DnCNN", "denoising"

register(TARGET, {"dncnn_s": {}, "dncnn_b": {"depth": 20}}, denoising(1), TASK)
register(TARGET, {"dncnn_cb": {"depth": 20, "in_chans": 3}}, denoising(3), TASK)
register(TARGET, {"dncnn_tiny": {"depth": 8, "width": 32, "epsilon": 1e-4}}, denoising(1), TASK)
