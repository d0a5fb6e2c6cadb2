"""Hyper-connections (2409.19606): OLMo and vision transformers, static (SHC) and dynamic (DHC)."""

from functools import partial
from typing import Any

from zoo.models._cfgs import BIG_VISION_CFG, language_cfg
from zoo.models._registry import register_models

register_decoders = partial(register_models, task="language-modeling")
MODEL = "zoo.models.hyper_connections.model:HyperOLMo"
PLAIN = "zoo.models.hyper_connections.model:PreNormOLMo"
VIT = "zoo.models.hyper_connections.vision:HyperViT"
DOLMA = language_cfg("neox", 50304, 2048)
B7 = {"layers": 32, "width": 4096, "heads": 32, "hidden": 11008, "tied": False}
NANO = {"layers": 6, "width": 80, "heads": 4, "hidden": 213, "vocab": 257, "context": 256}


def hyper(n: int, dynamic: bool = True) -> dict[str, Any]:
    return {"hyper": {"n": n, "dynamic": dynamic}}


register_decoders(PLAIN, {"olmo_1b": {}, "olmo_7b": B7}, DOLMA)
for n in (1, 2, 4, 8):
    register_decoders(MODEL, {f"olmo_1b_dhc_x{n}": hyper(n)}, DOLMA)
for n in (2, 4):
    register_decoders(MODEL, {f"olmo_1b_shc_x{n}": hyper(n, dynamic=False)}, DOLMA)
register_decoders(MODEL, {"olmo_7b_dhc_x4": {**B7, **hyper(4)}}, DOLMA)

register_decoders(PLAIN, {"olmo_nano": NANO}, language_cfg("bytes", 257, 256))
register_decoders(
    MODEL, {"olmo_nano_dhc_x4": {**NANO, **hyper(4)}}, language_cfg("bytes", 257, 256)
)

SIZES = {"b": (12, 768, 12), "l": (24, 1024, 16)}  # of 2010.11929, in Big Vision's view of an image
for size, (layers, width, heads) in SIZES.items():
    args = {"layers": layers, "width": width, "heads": heads}
    for kind in ("shc", "dhc"):
        name = f"vit_{size}16_{kind}_x2"
        register_models(
            VIT,
            {name: {**args, **hyper(2, dynamic=kind == "dhc")}},
            BIG_VISION_CFG,
            task="image-classification",
        )
