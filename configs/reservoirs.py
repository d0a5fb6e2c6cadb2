"""Reservoirs whose readout is fitted in closed form (2508.21172 and 2508.09925).

A recipe has layers, scales and l2 of each benchmark: of ResRMN those that its authors published, of
DeepResESN those of `python -m eval.reservoir_search`. `python -m eval.reservoirs` fits by them.
"""

from zoo.training.reservoir import ReservoirRecipe, recipe_of

RECIPES: dict[str, ReservoirRecipe] = {
    name: recipe_of(name)
    for name in (
        "resrmn_r",
        "resrmn_c",
        "resrmn_i",
        "leaky_esn",
        "deep_esn",
        "deepresesn_r",
        "deepresesn_c",
        "deepresesn_i",
    )
}
