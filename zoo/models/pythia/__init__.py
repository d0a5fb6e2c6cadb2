"""Pythia (2304.01373), as released and at more sizes of 2502.12170's experiments."""

from zoo.models._cfgs import language_cfg
from zoo.models._registry import register_models

MODEL = "zoo.models.pythia.model:Pythia"
SIZES = {
    "70m": (6, 512, 8, 50304),
    "160m": (12, 768, 12, 50304),
    "410m": (24, 1024, 16, 50304),
    "1b": (16, 2048, 8, 50304),
    "1_4b": (24, 2048, 16, 50304),
    "2_8b": (32, 2560, 32, 50304),
    "6_9b": (32, 4096, 32, 50432),
    "12b": (36, 5120, 40, 50688),
    "405m": (24, 1024, 16, 50432),
    "834m": (24, 1536, 24, 50432),
}

for size, (layers, width, heads, vocab) in SIZES.items():
    args = {"layers": layers, "width": width, "heads": heads, "vocab": vocab}
    register_models(
        MODEL, {f"pythia_{size}": args}, language_cfg("neox", vocab, 2048), task="language-modeling"
    )
