"""GateSkip (2510.13876): token-wise gates on a small transformer, as vectors and as scalars."""

from zoo.models._cfgs import language_cfg
from zoo.models._registry import register_models

# As many parameters as transformer_pp_nano has, or a few more.
NANO = {"layers": 6, "width": 80, "heads": 4, "hidden": 146, "vocab": 257, "context": 256}
register_models(
    "zoo.models.gateskip.model:GateSkip",
    {
        "gateskip_nano": NANO,
        "gateskip_scalar_nano": {**NANO, "hidden": 200, "scalar": True},
    },
    language_cfg("bytes", 257, 256),
    task="language-modeling",
)
