"""A trial of 2506.21103: are gates over the middle layers worth more than fewer layers?

    python -m eval.trials configs/skip_middle.py --test peps_mini/validation --write

The recipe of configs/language.py, but that the text is seen once, in batches of 4. Nothing was
chosen by a loss.
"""

from functools import partial
from typing import Any

from zoo.models.skip_middle.control import RATE, GateControl
from zoo.training.language_modeling import PenalisedNextToken, byte_recipe

ONCE: dict[str, Any] = {"epochs": 9, "batch_size": 4}  # 900 steps
CONTROLLED = {
    **ONCE,
    "objective": PenalisedNextToken(),
    "around": partial(GateControl, rate=RATE / 900),
}

gated = byte_recipe("skip_middle_nano.zoo_peps_once", "skip_middle_nano", **CONTROLLED)
gated_attention = byte_recipe(
    "skip_middle_nano_gated_attention.zoo_peps_once",
    "skip_middle_nano_gated_attention",
    **CONTROLLED,
)
dense = byte_recipe("skip_middle_nano_dense.zoo_peps_once", "skip_middle_nano_dense", **ONCE)
dense_5 = byte_recipe("skip_middle_nano_dense_5.zoo_peps_once", "skip_middle_nano_dense_5", **ONCE)
