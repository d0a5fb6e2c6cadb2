"""A Ladder Transformer on bytes, by the recipe of configs/language.py.

    zoo train configs/ladder_residual.py:ladder --out runs/ladder_nano-0

The networks of 2501.06589 are trained on 100B tokens of FineWeb-edu.
"""

from zoo.training.language_modeling import byte_recipe

ladder = byte_recipe("ladder_nano.zoo_peps", "ladder_nano")
