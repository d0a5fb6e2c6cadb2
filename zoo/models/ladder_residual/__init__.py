"""Ladder Transformers (2501.06589), and the transformers that they are compared with.

Of Llama 3.1 8B the last layers are ladders, as many as the name says.
"""

from functools import partial

from zoo.models._cfgs import language_cfg
from zoo.models._registry import register_models

register = partial(
    register_models,
    "zoo.models.ladder_residual.model:LadderTransformer",
    task="language-modeling",
)
STARCODER = language_cfg("bigcode/starcoder", 49152, 2048)
SIZES = {"1_2b": (40, 1536, 24, 4096), "3_5b": (40, 2304, 36, 9216)}

for size, (layers, width, heads, hidden) in SIZES.items():
    args = {"layers": layers, "width": width, "heads": heads, "hidden": hidden, "tied": True}
    register({f"ladder_{size}": args}, STARCODER)
    register({f"transformer_{size}": {**args, "ladder_layers": 0}}, STARCODER)

LLAMA = language_cfg("meta-llama/Llama-3.1-8B-Instruct", 128256, 131072)
register_models(
    "zoo.models.ladder_residual.model:LadderLlama",
    {
        "llama_3_1_8b": {"ladder_layers": 0, "kv_heads": 8},
        "llama_3_1_8b_ladder16": {"ladder_layers": 16, "kv_heads": 8},
        "llama_3_1_8b_ladder20": {"ladder_layers": 20, "kv_heads": 8},
    },
    LLAMA,
    task="language-modeling",
)

# transformer_pp_nano, with the stream of a ladder
NANO = {"layers": 6, "width": 80, "heads": 4, "hidden": 200, "vocab": 257, "context": 256}
register({"ladder_nano": NANO}, language_cfg("bytes", 257, 256))
