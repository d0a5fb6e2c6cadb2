"""ResFormer and SVFormer (2410.17897), and the transformer that they are held against."""

from zoo.models._cfgs import language_cfg
from zoo.models._registry import register_models

ROOM = "zoo.models.resformer.model:"
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
    register_models(
        ROOM + "Transformer", {f"transformer_{size}": args}, NEOX, task="language-modeling"
    )
    register_models(ROOM + "ResFormer", {f"resformer_{size}": args}, NEOX, task="language-modeling")
    if size != "2m":
        register_models(
            ROOM + "SVFormer", {f"svformer_{size}": args}, NEOX, task="language-modeling"
        )
    for form in REPORTED.get(size, ()):
        name = f"resformer_{form}_{size}"
        register_models(
            ROOM + "ResFormer",
            {name: {**args, "values": FORMS[form]}},
            NEOX,
            task="language-modeling",
        )

# transformer_pp_nano is the transformer of this size.
NANO = {"layers": 6, "width": 80, "heads": 4, "hidden": 200, "vocab": 257, "context": 256}
BYTES = language_cfg("bytes", 257, 256)
register_models(ROOM + "ResFormer", {"resformer_nano": NANO}, BYTES, task="language-modeling")
register_models(ROOM + "SVFormer", {"svformer_nano": NANO}, BYTES, task="language-modeling")
