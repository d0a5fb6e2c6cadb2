"""MUDDFormer and MUDDPythia (2502.12170): as released, and the sizes of the paper's experiments."""

from functools import partial

from zoo.models._cfgs import BIG_VISION_CFG, language_cfg
from zoo.models._registry import register_models

register_decoders = partial(register_models, task="language-modeling")
register_classifiers = partial(register_models, task="image-classification")
FORMER = "zoo.models.muddformer.model:MUDDFormer"
PYTHIA = "zoo.models.muddformer.model:MUDDPythia"
NEOX = language_cfg("neox", 50432, 2048)
SIZES = {
    "405m": (24, 1024, 16, 2816),
    "834m": (24, 1536, 24, 4096),
    "1_4b": (24, 2048, 32, 5632),
    "6_9b": (32, 4096, 32, 11008),
    "797m_deep": (34, 1280, 20, 3584),
    "1_34b_deep": (42, 1536, 24, 4096),
}

register_decoders(
    FORMER,
    {
        "muddformer_2_8b": {
            "layers": 32,
            "width": 2560,
            "heads": 32,
            "hidden": 6912,
            "choices": {"rope": "bfloat16"},
        }
    },
    NEOX,
)
for size, (layers, width, heads, hidden) in {
    "1_4b": (24, 2048, 16, 8192),
    "2_8b": (32, 2560, 32, 10240),
}.items():
    args = {"layers": layers, "width": width, "heads": heads, "hidden": hidden}
    register_decoders(
        PYTHIA, {f"muddpythia_{size}": {**args, "choices": {"rope": "float16"}}}, NEOX
    )
for size, (layers, width, heads, hidden) in SIZES.items():
    args = {"layers": layers, "width": width, "heads": heads, "hidden": hidden}
    # The public JAX recipe has no norm of queries and keys; the deep ones are PrePostDANorm.
    choices = {"qk_norm": False, "pre_post": size.endswith("deep")}
    register_decoders(FORMER, {f"muddformer_{size}": {**args, "choices": choices}}, NEOX)

# Without rounding the hidden size of the aggregates: at this width it would be 15 % of the weights.
NANO = {"layers": 6, "width": 80, "heads": 4, "hidden": 213, "vocab": 257, "context": 256}
NANO_CHOICES = {"qk_norm": False, "std": 0.0, "round_to": 0}
register_decoders(
    FORMER, {"muddformer_nano": {**NANO, "choices": NANO_CHOICES}}, language_cfg("bytes", 257, 256)
)

VIT_S = {"layers": 12, "width": 384, "heads": 6}  # Table 8; Big Vision's view of an image
register_classifiers("zoo.models.muddformer.vision:MUDDViT", {"muddvit_s16": VIT_S}, BIG_VISION_CFG)
register_classifiers("zoo.models.muddformer.vision:ViT", {"vit_s16": VIT_S}, BIG_VISION_CFG)
