"""A trial of 2506.21103: are gates over the middle layers worth more than fewer layers?

    python -m eval.trials configs/skip_middle.py --test peps_mini/validation --write

The recipe of configs/language.py for all. The gates are held as in the authors' script, with a rate
of control for a thirteenth of its steps. Nothing was chosen by a loss.
"""

from functools import partial

from zoo.models.skip_middle.control import GateControl
from zoo.training.language_modeling import PenalisedNextToken, byte_recipe

CONTROLLED = {
    "objective": PenalisedNextToken(),
    "around": partial(GateControl, rate=13e-3),
}

gated = byte_recipe("skip_middle_nano.zoo_peps", "skip_middle_nano", **CONTROLLED)
gated_attention = byte_recipe(
    "skip_middle_nano_gated_attention.zoo_peps", "skip_middle_nano_gated_attention", **CONTROLLED
)
dense = byte_recipe("skip_middle_nano_dense.zoo_peps", "skip_middle_nano_dense")
dense_5 = byte_recipe("skip_middle_nano_dense_5.zoo_peps", "skip_middle_nano_dense_5")
