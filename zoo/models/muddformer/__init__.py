"""MUDDFormer and MUDDPythia (2502.12170): as released, and the sizes of the paper's experiments."""

from zoo.models._cfgs import IMAGENET_CFG, language_cfg
from zoo.models._registry import register_models

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

register_models(
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
    task="language-modeling",
)
for size, (layers, width, heads, hidden) in {
    "1_4b": (24, 2048, 16, 8192),
    "2_8b": (32, 2560, 32, 10240),
}.items():
    args = {"layers": layers, "width": width, "heads": heads, "hidden": hidden}
    register_models(
        PYTHIA,
        {f"muddpythia_{size}": {**args, "choices": {"rope": "float16"}}},
        NEOX,
        task="language-modeling",
    )
for size, (layers, width, heads, hidden) in SIZES.items():
    args = {"layers": layers, "width": width, "heads": heads, "hidden": hidden}
    # The public JAX recipe has no norm of queries and keys; the deep ones are PrePostDANorm.
    choices = {"qk_norm": False, "pre_post": size.endswith("deep")}
    register_models(
        FORMER, {f"muddformer_{size}": {**args, "choices": choices}}, NEOX, task="language-modeling"
    )

# Without rounding the hidden size of the aggregates: at this width it would be 15 % of the weights.
NANO = {"layers": 6, "width": 80, "heads": 4, "hidden": 213, "vocab": 257, "context": 256}
NANO_CHOICES = {"qk_norm": False, "std": 0.0, "round_to": 0}
register_models(
    FORMER,
    {"muddformer_nano": {**NANO, "choices": NANO_CHOICES}},
    language_cfg("bytes", 257, 256),
    task="language-modeling",
)

VIT_S = {"layers": 12, "width": 384, "heads": 6}  # Table 8; Big Vision's view of an image
BIG_VISION = IMAGENET_CFG | {
    "pool_size": (14, 14),
    "mean": (0.5, 0.5, 0.5),
    "std": (0.5, 0.5, 0.5),
    "interpolation": "box",
    "first_conv": "patch_embed",
    "classifier": "head.fc",
}
register_models(
    "zoo.models.muddformer.vision:MUDDViT",
    {"muddvit_s16": VIT_S},
    BIG_VISION,
    task="image-classification",
)
register_models(
    "zoo.models.muddformer.vision:ViT", {"vit_s16": VIT_S}, BIG_VISION, task="image-classification"
)
