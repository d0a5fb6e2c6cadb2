"""Frac-connections: the nano that comes with the zoo, trained as those of configs/language.py.

The networks of 2503.14125 follow OLMo2 and OLMoE, whose data the zoo does not have.
"""

from zoo.training.language_modeling import byte_recipe

olmo_nano_dfc_x4 = byte_recipe("olmo_nano_dfc_x4.zoo_peps", "olmo_nano_dfc_x4")
