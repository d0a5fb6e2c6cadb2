"""IRCNN (1704.03264): the denoisers of a prior for image restoration, one for each noise level."""

from functools import partial

from zoo.models._cfgs import denoising_cfg
from zoo.models._registry import register_models

register = partial(register_models, task="denoising")
TARGET = "zoo.models.ircnn.model:IRCNN"

register(TARGET, {"ircnn_gray": {}}, denoising_cfg(1))
register(TARGET, {"ircnn_color": {"in_chans": 3}}, denoising_cfg(3))
