"""CycleNet's recipes on ETTh1 and ETTh2 (2409.18479): scripts/CycleNet of the authors' code.

`--data DIR`: DIR/series/cyclenet_ett holds ETTh1.csv and ETTh2.csv. The authors' seeds are 2024 to
2028; with them the numbers of their log come out.
"""

from functools import partial
from itertools import product

from torch.optim import Adam

from zoo.training import Recipe
from zoo.training.forecasting import Forecasting

EPOCHS = 30
RATES = {
    ("linear", 96): 1e-2,
    ("linear", 336): 5e-3,
    ("linear", 720): 5e-3,
    ("mlp", 96): 5e-3,
    ("mlp", 336): 2e-3,
    ("mlp", 720): 5e-4,
}


def schedule(share: float) -> float:
    """1/25 in the first epoch, 1 for three, then 0.8 times as much from epoch to epoch."""
    epoch = int(share * EPOCHS + 1e-9)
    return float(0.8 ** max(0, epoch - 3)) if epoch else 1 / 25


def forecasting(dataset: str, backbone: str, look_back: int, horizon: int) -> Recipe:
    """Return the recipe of a setting."""
    model = f"cyclenet_{backbone}_{look_back}_{horizon}"
    return Recipe(
        name=f"{model}.{dataset}",
        model=model,
        dataset=f"{dataset}/train_{horizon}",
        objective=Forecasting(patience=5),
        epochs=EPOCHS,
        batch_size=256,
        lr=RATES[backbone, look_back],
        # the beta1 that a OneCycleLR leaves, which the authors' code constructs and never steps
        optimizer=partial(Adam, betas=(0.95, 0.999)),
        schedule=schedule,
        source="2409.18479 as scripts/CycleNet of ACAT-SCUT/CycleNet trains it",
        hardware="not stated in the code",
        expected="a minute or less on one CPU core; the mean of five runs in the authors' log",
    )


SETTINGS = product(("etth1", "etth2"), ("linear", "mlp"), (96, 336, 720), (96, 192, 336, 720))
RECIPES = [forecasting(*setting) for setting in SETTINGS]
# cyclenet_linear_96_96_etth1 and so on
globals().update({recipe.name.replace(".", "_"): recipe for recipe in RECIPES})
