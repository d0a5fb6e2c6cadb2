"""UNet++ and U-Nets of a quarter of their width on pictures of scikit-image: a trial on a CPU.

python -m eval.trials configs/segmentation.py --test otsu_pictures/test --seeds 0 1 2 3 4
"""

from torch.optim import Adam

from zoo.training import Recipe
from zoo.training.segmentation import Segmentation

NETWORKS = ("unet_w8", "unet_w9", "unetplusplus_w8", "unetplusplus_w8_ds")


def otsu(model: str) -> Recipe:
    """Return the recipe of a network: 500 steps at one rate, without dropout."""
    return Recipe(
        name=f"{model}.zoo_otsu20",
        model=model,
        dataset="otsu_pictures/train",
        epochs=20,
        batch_size=8,
        lr=1e-3,
        objective=Segmentation(size=48, steps=25),
        optimizer=Adam,
        schedule=lambda share: 1.0,
        args={"drop_rate": 0.0},
        source="1807.10165, shortened to narrow networks, 20 epochs and pictures at hand",
        hardware="a CPU core",
        expected="half a minute",
    )


globals().update({name: otsu(name) for name in NETWORKS})
