"""DeepNet and the post-norm transformer on bytes, by the recipe of configs/language.py.

    zoo train configs/deepnet.py:deepnorm --out runs/deepnorm_nano-0
    python -m eval.trials configs/deepnet.py --test peps_mini/validation \\
        --recipes deepnorm_deep post_norm_deep --write

The paper's networks translate; these are decoders by themselves, of 6 layers and, narrow ones, of
48: a trial of whether DeepNorm trains where post-norm does not. The deep ones take 800 steps of
windows of 128, four minutes of a CPU core. Nothing was chosen by a loss.
"""

from zoo.training.language_modeling import NextToken, byte_recipe

DEEP = {"objective": NextToken(context=128), "epochs": 8}

deepnorm = byte_recipe("deepnorm_nano.zoo_peps", "deepnorm_nano")
post_norm = byte_recipe("post_norm_nano.zoo_peps", "post_norm_nano")
deepnorm_deep = byte_recipe("deepnorm_deep_nano.zoo_peps_deep", "deepnorm_deep_nano", **DEEP)
post_norm_deep = byte_recipe("post_norm_deep_nano.zoo_peps_deep", "post_norm_deep_nano", **DEEP)
