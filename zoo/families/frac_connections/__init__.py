"""Frac-connections (2503.14125): OLMo with static (SFC) and dynamic (DFC) ones."""

from zoo.inputs import language
from zoo.registry import register

MODEL = "zoo.families.frac_connections.model:FracOLMo"
SIZES = {"olmo_1b_dfc_x2": 2, "olmo_1b_dfc_x4": 4}
NANO = {"layers": 6, "width": 80, "heads": 4, "hidden": 213, "vocab": 257, "context": 256}

for name, m in SIZES.items():
    register(MODEL, {name: {"frac": {"m": m, "dynamic": True}}}, language("neox", 50304, 2048))
static = {"frac": {"m": 4, "dynamic": False}}
register(MODEL, {"olmo_1b_sfc_x4": static}, language("neox", 50304, 2048))

nano = {**NANO, "frac": {"m": 4, "dynamic": True}}
register(MODEL, {"olmo_nano_dfc_x4": nano}, language("bytes", 257, 256))
