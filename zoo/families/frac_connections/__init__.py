"""Frac-connections (2503.14125): OLMo with static (SFC) and dynamic (DFC) ones."""

from zoo.inputs import language
from zoo.registry import register

MODEL = "zoo.families.frac_connections.model:FracOLMo"
NANO = {"layers": 6, "width": 80, "heads": 4, "hidden": 213, "vocab": 257, "context": 256}

DYNAMIC, STATIC = ({"frac": {"m": 4, "dynamic": dynamic}} for dynamic in (True, False))
DOLMA = language("neox", 50304, 2048)

register(MODEL, {"olmo_1b_dfc_x4": DYNAMIC, "olmo_1b_sfc_x4": STATIC}, DOLMA)
register(MODEL, {"olmo_nano_dfc_x4": {**NANO, **DYNAMIC}}, language("bytes", 257, 256))
