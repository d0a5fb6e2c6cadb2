"""GateSkip (2510.13876) on bytes: gates with their penalty, and a budget that falls to 80 %.

    zoo train configs/gateskip.py:vectors --out runs/gateskip_nano-0

The paper finetunes models that are trained; these are trained with their gates from the beginning,
by the recipe of configs/language.py.
"""

from functools import partial

from zoo.models.gateskip.penalty import GatePenalty
from zoo.training.language_modeling import PenalisedNextToken, byte_recipe

GATED = {"objective": PenalisedNextToken(), "around": partial(GatePenalty, steps=1500)}

vectors = byte_recipe("gateskip_nano.zoo_peps", "gateskip_nano", **GATED)
scalars = byte_recipe("gateskip_scalar_nano.zoo_peps", "gateskip_scalar_nano", **GATED)
