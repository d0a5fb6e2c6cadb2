"""GPT-2 in OpenAI's four sizes, and a byte-level one of ours."""

from zoo.models._cfgs import language_cfg
from zoo.models._registry import register_models

MODEL = "zoo.models.gpt2.model:GPT2"
SIZES = {
    "gpt2": (12, 768, 12),
    "gpt2_medium": (24, 1024, 16),
    "gpt2_large": (36, 1280, 20),
    "gpt2_xl": (48, 1600, 25),
}

for name, (layers, width, heads) in SIZES.items():
    args = {"layers": layers, "width": width, "heads": heads}
    register_models(
        MODEL, {name: args}, language_cfg("gpt2", 50257, 1024), task="language-modeling"
    )

# 6 layers of 80: what fits beside the code, with weights
NANO = {"layers": 6, "width": 80, "heads": 4, "vocab": 257, "context": 256}
register_models(
    MODEL, {"gpt2_nano": NANO}, language_cfg("bytes", 257, 256), task="language-modeling"
)
