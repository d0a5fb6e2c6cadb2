"""Residual Flows on two densities of the plane (1906.02735), with each estimate of log |det|.

Smaller than the authors' train_toy.py, whose 100 blocks and 50,000 batches take hours of a GPU.
"""

from torch.optim import Adam

from zoo.training import Recipe
from zoo.training.density import DensityEstimation

DENSITIES = ("eight_gaussians", "checkerboard")
ESTIMATORS = ("roulette", "truncated", "exact")
EPOCHS, STEPS = 10, 60


def flow(density: str, estimator: str) -> Recipe:
    """Return the recipe of a small flow; "truncated" has the one term that always comes."""
    return Recipe(
        name=f"residual_flow_toy2d.zoo_{density}_{estimator}",
        model="residual_flow_toy2d",
        args={
            "blocks": 6,
            "widths": (64, 64),
            "norms": (2.0,) * 4,
            "coeff": 0.97,
            "estimator": estimator,
            "terms": 1,
        },
        dataset=f"toy2d/{density}",
        objective=DensityEstimation(steps=STEPS),
        epochs=EPOCHS,
        batch_size=256,
        lr=5e-3,
        optimizer=Adam,
        schedule=lambda share: 1.0 if share < 2 / 3 else 0.2,
        source="1906.02735 as train_toy.py of rtqichen/residual-flows, shortened",
    )


RECIPES = [flow(density, estimator) for density in DENSITIES for estimator in ESTIMATORS]
globals().update({recipe.name.replace(".", "_"): recipe for recipe in RECIPES})
