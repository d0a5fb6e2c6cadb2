"""Frac-connections (2503.14125): OLMo with static (SFC) and dynamic (DFC) ones."""

from functools import partial

from zoo.models._cfgs import language_cfg
from zoo.models._registry import register_models

register = partial(register_models, task="language-modeling")
MODEL = "zoo.models.frac_connections.model:FracOLMo"
NANO = {"layers": 6, "width": 80, "heads": 4, "hidden": 213, "vocab": 257, "context": 256}

DYNAMIC, STATIC = ({"frac": {"m": 4, "dynamic": dynamic}} for dynamic in (True, False))
DOLMA = language_cfg("neox", 50304, 2048)

register(MODEL, {"olmo_1b_dfc_x4": DYNAMIC, "olmo_1b_sfc_x4": STATIC}, DOLMA)
register(MODEL, {"olmo_nano_dfc_x4": {**NANO, **DYNAMIC}}, language_cfg("bytes", 257, 256))
