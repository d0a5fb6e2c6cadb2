"""Recipes for the byte-level language models that come with the zoo: 0.5 M parameters or fewer.

All are one recipe, `byte_recipe`, and see the same batches in the same order.
"""

from zoo.training import Recipe
from zoo.training.language_modeling import byte_recipe

MODELS = (
    "gpt2_nano",
    "loop_gpt2_nano",
    "loop_gpt2_nano_x2",
    "transformer_pp_nano",
    "muddformer_nano",
)


def nano(model: str) -> Recipe:
    """Return the recipe: 15 epochs of 100 batches of 16 windows of 256 bytes."""
    return byte_recipe(f"{model}.zoo_peps", model)


gpt2_nano, loop_gpt2_nano, loop_gpt2_nano_x2, transformer_pp_nano, muddformer_nano = map(
    nano, MODELS
)
