"""Random features and their controls on OpenML's tables (2501.18283, Sec. 4 and App. C).

A recipe has the hyperparameters that the authors' search chose for each fold of each table;
`python -m eval.tabular` fits by it, `zoo check --retrain rfnn` one number of it.
"""

from zoo.training.tabular import TabularRecipe, recipe_of

RECIPES: dict[str, TabularRecipe] = {
    name: recipe_of(name)
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
