"""DeepNet and the post-norm transformer on bytes, by the recipe of configs/language.py.

    zoo train configs/deepnet.py:deepnorm --out runs/deepnorm_nano-0

The paper's networks translate; these are decoders by themselves.
"""

from zoo.training.language_modeling import byte_recipe

deepnorm = byte_recipe("deepnorm_nano.zoo_peps", "deepnorm_nano")
post_norm = byte_recipe("post_norm_nano.zoo_peps", "post_norm_nano")
