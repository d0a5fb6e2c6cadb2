"""DeepCrossAttention on bytes, by the recipe of configs/language.py.

    zoo train configs/deep_cross_attention.py:dca --out runs/dca_nano-0

The networks of 2502.06785 are trained on LM1B and C4, in 131B tokens.
"""

from zoo.training.language_modeling import byte_recipe

dca = byte_recipe("dca_nano.zoo_peps", "dca_nano")
grn_v3 = byte_recipe("grn_v3_nano.zoo_peps", "grn_v3_nano")
