"""Loop-residual GPT-2 (2409.14199): loop_gpt2_81m, loop_gpt2_45m and the block that is looped."""

from functools import partial

from zoo.models._cfgs import language_cfg
from zoo.models._registry import register_models

register = partial(register_models, task="language-modeling")
register(
    "zoo.models.loop_residual.model:LoopGPT2",
    {
        "loop_gpt2_81m": {"layers": 6, "loops": 6},
        "loop_gpt2_45m": {"layers": 1, "loops": 2},
        "gpt2_45m_lite": {"layers": 1, "loops": 1},
    },
    language_cfg("gpt2", 50257, 1024),
)

# Half the blocks of gpt2_nano, twice; and all of them twice.
NANO = {"width": 80, "heads": 4, "loops": 2, "vocab": 257, "context": 256}
register(
    "zoo.models.loop_residual.model:LoopGPT2",
    {"loop_gpt2_nano": {"layers": 3, **NANO}, "loop_gpt2_nano_x2": {"layers": 6, **NANO}},
    language_cfg("bytes", 257, 256),
)
register(  # transformer_pp_nano, all blocks twice
    "zoo.models.loop_residual.model:LoopTransformerPP",
    {"loop_transformer_pp_nano": {"layers": 6, "hidden": 200, **NANO}},
    language_cfg("bytes", 257, 256),
)
