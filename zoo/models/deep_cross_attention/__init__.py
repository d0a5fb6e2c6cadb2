"""DeepCrossAttention and generalised residual networks (2502.06785), in their transformers."""

from functools import partial

from zoo.models._cfgs import language_cfg
from zoo.models._registry import register_models

register = partial(register_models, task="language-modeling")
LM1B = "zoo.models.deep_cross_attention.model:LM1BTransformer"
CFG = language_cfg("lm1b", 30_000, 128)

register(
    LM1B,
    {
        "transformer_lm1b": {"residual": "plain"},
        "grn_v1_lm1b": {"residual": "grn_v1"},
        "grn_v2_lm1b": {"residual": "grn_v2"},
        "grn_v3_lm1b": {"residual": "grn_v3", "per_source": True},
        "dca_lm1b": {"per_source": True},
    },
    CFG,
)

# transformer_pp_nano, with depth-wise cross-attention
NANO = {"layers": 6, "width": 80, "heads": 4, "hidden": 200, "vocab": 257, "context": 256}
register(
    "zoo.models.deep_cross_attention.model:DCATransformer",
    {"dca_nano": NANO, "grn_v3_nano": {**NANO, "residual": "grn_v3"}},
    language_cfg("bytes", 257, 256),
)
