"""Random features and their controls on tables and concentric rings (2501.18283, Sec. 4, App. C).

A recipe has the hyperparameters that the authors' search chose for each fold of each table of
OpenML, or, of the rings, the grid that is searched again in each run; `python -m eval.tabular`
fits by it, `zoo check --retrain rfnn` one number of it.
"""

from zoo.training.tabular import TabularRecipe, recipes_of

RECIPES: dict[str, list[TabularRecipe]] = {
    name: recipes_of(name)
    for name in (
        "rfnn",
        "rfrboost_gradient",
        "rfrboost_dense",
        "rfrboost_diagonal",
        "rfrboost_scalar",
        "rfnn_iid",
        "rfrboost_gradient_iid",
        "tabular_linear",
        "mlp_resnet",
    )
}
