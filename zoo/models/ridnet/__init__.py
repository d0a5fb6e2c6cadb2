"""RIDNet (1904.07396): ridnet, a denoiser of photographs whatever their noise."""

from zoo.models._cfgs import denoising_cfg
from zoo.models._registry import register_models

register_models(
    "zoo.models.ridnet.model:RIDNet", {"ridnet": {}}, denoising_cfg(3), task="denoising"
)
