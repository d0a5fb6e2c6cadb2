"""Hyper-connections (2409.19606): OLMo and vision transformers, static (SHC) and dynamic (DHC)."""

from typing import Any

from zoo.inputs import IMAGENET, language
from zoo.registry import register

MODEL = "zoo.families.hyper_connections.model:HyperOLMo"
PLAIN = "zoo.families.hyper_connections.model:PreNormOLMo"
VIT = "zoo.families.hyper_connections.vision:HyperViT"
DOLMA = language("neox", 50304, 2048)
B7 = {"layers": 32, "width": 4096, "heads": 32, "hidden": 11008, "tied": False}
NANO = {"layers": 6, "width": 80, "heads": 4, "hidden": 213, "vocab": 257, "context": 256}


def hyper(n: int, dynamic: bool = True) -> dict[str, Any]:
    return {"hyper": {"n": n, "dynamic": dynamic}}


register(PLAIN, {"olmo_1b": {}, "olmo_7b": B7}, DOLMA)
for n in (1, 2, 4, 8):
    register(MODEL, {f"olmo_1b_dhc_x{n}": hyper(n)}, DOLMA)
for n in (2, 4):
    register(MODEL, {f"olmo_1b_shc_x{n}": hyper(n, dynamic=False)}, DOLMA)
register(MODEL, {"olmo_7b_dhc_x4": {**B7, **hyper(4)}}, DOLMA)

register(PLAIN, {"olmo_nano": NANO}, language("bytes", 257, 256))
register(MODEL, {"olmo_nano_dhc_x4": {**NANO, **hyper(4)}}, language("bytes", 257, 256))

SIZES = {"b": (12, 768, 12), "l": (24, 1024, 16)}  # of 2010.11929, in Big Vision's view of an image
BIG_VISION = IMAGENET | {
    "pool_size": (14, 14),
    "mean": (0.5, 0.5, 0.5),
    "std": (0.5, 0.5, 0.5),
    "interpolation": "box",
    "first_conv": "patch_embed",
    "classifier": "head.fc",
}
for size, (layers, width, heads) in SIZES.items():
    args = {"layers": layers, "width": width, "heads": heads}
    for kind in ("shc", "dhc"):
        name = f"vit_{size}16_{kind}_x2"
        register(VIT, {name: {**args, **hyper(2, dynamic=kind == "dhc")}}, BIG_VISION)
