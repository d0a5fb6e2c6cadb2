"""Residual Flows (1906.02735): of images, and of the plane with each estimate of log |det|.

    accelerate launch -m zoo.training configs/residual_flows.py:residual_flow_mnist_mnist \\
        --data DIR --test mnist/test_dequantized

Flows of images are those of the authors' train_img.py; residual_flow_mnist_zoo_mnist2 is small, for
a CPU. Those of the plane are smaller than train_toy.py's, whose 100 blocks and 50,000 batches take
hours of a GPU.
"""

from functools import partial
from typing import Any

from torch.optim import Adam

from zoo.training import Recipe
from zoo.training.density import DensityEstimation, ImageDensity

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


def images(
    name: str, *, dataset: str, size: int, epochs: int, warmup: int, **fields: Any
) -> Recipe:
    """Return a recipe on `size` images, whose rate rises over `warmup` batches and then stays."""
    steps = epochs * (size // 64)
    return Recipe(
        name=name,
        model=name.partition(".")[0],
        dataset=f"{dataset}/train_dequantized",
        objective=ImageDensity(flip=dataset == "cifar10"),
        epochs=epochs,
        batch_size=64,
        lr=1e-3,
        clip=1.0,
        optimizer=partial(Adam, betas=(0.9, 0.99)),
        schedule=lambda share: min(1.0, (share * steps + 1) / warmup),
        **fields,
    )


WHOLE: dict[str, Any] = {
    "epochs": 1000,
    "warmup": 1000,
    "ema": 0.999,
    "source": "1906.02735 as train_img.py of rtqichen/residual-flows by its README",
    "hardware": "a GPU; which one could not be read",
    "expected": "bits per dimension whose printed values could not be read",
}
SMALL = {"blocks": (2, 2, 2), "width": 32, "end_blocks": 1, "end_width": 64}
RECIPES = [flow(density, estimator) for density in DENSITIES for estimator in ESTIMATORS]
RECIPES += [
    images("residual_flow_mnist.mnist", dataset="mnist", size=60_000, **WHOLE),
    images("residual_flow_cifar10.cifar10", dataset="cifar10", size=50_000, **WHOLE),
    images(
        "residual_flow_mnist.zoo_mnist2",
        dataset="mnist",
        size=60_000,
        epochs=2,
        warmup=200,
        args=SMALL,
        source="1906.02735 as residual_flow_mnist.mnist, shortened to a small flow and two epochs",
    ),
]
globals().update({recipe.name.replace(".", "_"): recipe for recipe in RECIPES})
