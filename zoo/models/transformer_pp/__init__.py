"""Transformer++ at the sizes of MUDDFormer's scaling experiments (2502.12170, Tables 2 and 4)."""

from functools import partial

from zoo.models._cfgs import language_cfg
from zoo.models._registry import register_models

register = partial(register_models, task="language-modeling")
MODEL = "zoo.models.transformer_pp.model:TransformerPP"
SIZES = {
    "405m": (24, 1024, 16, 2816),
    "834m": (24, 1536, 24, 4096),
    "1_4b": (24, 2048, 32, 5632),
    "2_8b": (32, 2560, 32, 6912),
    "6_9b": (32, 4096, 32, 11008),
    "797m_deep": (34, 1280, 20, 3584),
    "1_34b_deep": (42, 1536, 24, 4096),
}

for size, (layers, width, heads, hidden) in SIZES.items():
    args = {"layers": layers, "width": width, "heads": heads, "hidden": hidden}
    register(MODEL, {f"transformer_pp_{size}": args}, language_cfg("neox", 50432, 2048))

# As many parameters as muddformer_nano has, or a few more.
NANO = {"layers": 6, "width": 80, "heads": 4, "hidden": 200, "vocab": 257, "context": 256}
register(MODEL, {"transformer_pp_nano": NANO}, language_cfg("bytes", 257, 256))
