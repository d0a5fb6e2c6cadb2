"""MLP, FCN and ResNet on sets of the UCR archive (1611.06455), as its authors' code trains them.

`--data DIR`: DIR/series/ucr holds the archive's files. `python -m eval.time_series` runs them all.
"""

from itertools import product

from zoo.data.ucr import series_sets
from zoo.training.time_series import recipe_of

NETWORKS = ("tsc_mlp", "tsc_fcn", "tsc_resnet")
RECIPES = {
    f"{model}_{name}": recipe_of(model, f"ucr/{name}")
    for name, model in product(series_sets(), NETWORKS)
}
globals().update(RECIPES)  # tsc_resnet_coffee and so on
