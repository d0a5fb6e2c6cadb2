"""N-BEATS's recipes on M4's weekly and hourly series (1905.10437, Sec. 5.2 and Table 18).

`--data DIR`: DIR/m4 holds Weekly-train.csv, Weekly-test.csv, ... (`zoo data get m4`). An ensemble
of the paper has a network for each of 3 losses, 6 look-backs and 10 seeds: eval/m4.py trains any
part of it.
"""

from itertools import product

from torch.optim import Adam

from zoo.training import Recipe
from zoo.training.series import SeriesForecasting

HORIZONS = {"weekly": 13, "hourly": 48}
LOSSES = ("smape", "mase", "mape")
LOOK_BACKS = (2, 3, 4, 5, 6, 7)  # in horizons
EPOCH = 100  # batches, after which a run is saved
ITERATIONS, SMALL_ITERATIONS = 5_000, 300


def schedule(share: float) -> float:
    """Half the rate after each third, as the authors' code has it and the paper has not."""
    return float(0.5 ** (int(share * ITERATIONS + 1e-6) // (ITERATIONS // 3)))


def forecasting(
    kind: str, subset: str, look_back: int = 2, loss: str = "smape", *, small: bool = False
) -> Recipe:
    """Return the recipe of a network: kind g or i, looking `look_back` horizons back.

    A `small` one has 300 batches of 128, for a try on a CPU.
    """
    horizon = HORIZONS[subset]
    model = f"nbeats_{kind}_{horizon}"
    tag = f"{'zoo_' if small else ''}m4_{subset}_{look_back}h_{loss}"
    return Recipe(
        name=f"{model}.{tag}",
        model=model,
        args={"look_back": look_back * horizon},
        dataset=f"m4/{subset}",
        objective=SeriesForecasting(loss, history=10, steps=EPOCH),  # type: ignore[arg-type]
        epochs=(SMALL_ITERATIONS if small else ITERATIONS) // EPOCH,
        batch_size=128 if small else 1024,
        lr=1e-3,
        optimizer=Adam,
        schedule=schedule,
        clip=1.0,
        source="1905.10437, Sec. 5.2, Table 18; halving and clipping as ServiceNow/N-BEATS"
        + (", shortened" if small else ""),
        hardware="a GPU, 30 minutes to 2 hours for all of M4",
        expected="the paper has numbers on ensembles alone",
    )


SETTINGS = product(("g", "i"), HORIZONS, (2,), LOSSES)
RECIPES = [forecasting(*setting) for setting in SETTINGS]
RECIPES += [forecasting(kind, subset, small=True) for kind in ("g", "i") for subset in HORIZONS]
# nbeats_g_48_m4_hourly_2h_smape and so on
globals().update({recipe.name.replace(".", "_"): recipe for recipe in RECIPES})
