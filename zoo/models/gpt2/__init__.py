"""GPT-2 in OpenAI's four sizes, and gpt2_nano (ours), on bytes."""

from functools import partial

from zoo.models._cfgs import language_cfg
from zoo.models._registry import register_models

register = partial(register_models, task="language-modeling")
MODEL = "zoo.models.gpt2.model:GPT2"
SIZES = {
    "gpt2": (12, 768, 12),
    "gpt2_medium": (24, 1024, 16),
    "gpt2_large": (36, 1280, 20),
    "gpt2_xl": (48, 1600, 25),
}

for name, (layers, width, heads) in SIZES.items():
    args = {"layers": layers, "width": width, "heads": heads}
    register(MODEL, {name: args}, language_cfg("gpt2", 50257, 1024))

# 6 layers of 80: small enough to bundle the weights
NANO = {"layers": 6, "width": 80, "heads": 4, "vocab": 257, "context": 256}
register(MODEL, {"gpt2_nano": NANO}, language_cfg("bytes", 257, 256))
