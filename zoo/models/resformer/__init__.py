"""ResFormer and SVFormer (2410.17897), and the transformer they are compared with."""

from functools import partial

from zoo.models._cfgs import language_cfg
from zoo.models._registry import register_models

register = partial(register_models, task="language-modeling")
MODULE = "zoo.models.resformer.model:"
SIZES = {
    "2m": (4, 16, 2, 56),
    "82m": (8, 512, 8, 1792),
    "180m": (12, 768, 12, 2688),
    "468m": (24, 1024, 16, 3584),
}
FORMS = {
    "constant": {"first": 2.0, "own": 1.0},
    "sparse": {"first": 5.0, "own": 1.0, "since": 6},
    "learnable": {"form": "learnable"},
    "learnable_plus": {"form": "learnable_plus"},
    "dense": {"form": "dense"},
}
REPORTED = {"82m": tuple(FORMS), "468m": ("learnable", "learnable_plus")}
NEOX = language_cfg("neox", 50277, 2048)

for size, (layers, width, heads, hidden) in SIZES.items():
    args = {"layers": layers, "width": width, "heads": heads, "hidden": hidden}
    register(MODULE + "Transformer", {f"transformer_{size}": args}, NEOX)
    register(MODULE + "ResFormer", {f"resformer_{size}": args}, NEOX)
    if size != "2m":
        register(MODULE + "SVFormer", {f"svformer_{size}": args}, NEOX)
    for form in REPORTED.get(size, ()):
        name = f"resformer_{form}_{size}"
        register(MODULE + "ResFormer", {name: {**args, "values": FORMS[form]}}, NEOX)

# transformer_pp_nano is the transformer of this size.
NANO = {"layers": 6, "width": 80, "heads": 4, "hidden": 200, "vocab": 257, "context": 256}
BYTES = language_cfg("bytes", 257, 256)
register(MODULE + "ResFormer", {"resformer_nano": NANO}, BYTES)
register(MODULE + "SVFormer", {"svformer_nano": NANO}, BYTES)
