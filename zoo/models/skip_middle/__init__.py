"""Transformers that skip their middle layers (2506.21103), and their dense baselines."""

from functools import partial

from zoo.models._cfgs import language_cfg
from zoo.models._registry import register_models

register = partial(register_models, "zoo.models.skip_middle.model:SkipMiddle")
register = partial(register, task="language-modeling")
for layers in range(2, 13, 2):
    register(
        {
            f"skip_middle_{layers}": {"layers": layers},
            f"skip_middle_{layers}_dense": {"layers": layers, "dense_init": True},
        },
        language_cfg("gpt2", 50257, 1024),
    )

# As wide as transformer_pp_nano, with feed-forward networks of its width.
NANO = {"layers": 6, "width": 80, "heads": 4, "hidden": 200, "vocab": 257, "context": 256}
register(
    {
        "skip_middle_nano": NANO,
        "skip_middle_nano_gated_attention": {**NANO, "gated_attention": True},
        "skip_middle_nano_dense": {**NANO, "dense_init": True},
        "skip_middle_nano_dense_5": {**NANO, "layers": 5, "dense_init": True},
    },
    language_cfg("bytes", 257, 256),
)
