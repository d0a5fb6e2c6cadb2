"""Recipes for the small RCAN that comes with the zoo: 2 groups of 4 blocks with 32 channels.

Loss, optimizer, patches and rotations are those of 1807.02758, Sec. 4.1; rate and length are fitted
to a network of 0.2 M parameters and two CPU cores. `--data DIR`: DIR/photos holds PNG files.
"""

from dataclasses import replace
from functools import partial

from torch.optim import Adam

from zoo.training import Recipe, cosine
from zoo.training.super_resolution import SuperResolution


def photos(scale: int, *, epochs: int, lr: float, size: int = 48, init_from: str = "") -> Recipe:
    """Return a recipe: epochs of 1,000 batches of 16 patches."""
    return Recipe(
        name=f"rcan_tiny_x{scale}.zoo_photos",
        model=f"rcan_tiny_x{scale}",
        dataset="photos",
        objective=SuperResolution(scale=scale, size=size),
        epochs=epochs,
        batch_size=16,
        lr=lr,
        optimizer=partial(Adam, betas=(0.9, 0.999), eps=1e-8),
        schedule=cosine(warmup=0.02),
        init_from=init_from,
        precision="bf16",
        source="1807.02758 Sec. 4.1, shortened",
    )


def short(model: str) -> Recipe:
    """Return a short recipe, to compare networks: 800 batches of 8 patches."""
    return replace(
        photos(2, epochs=1, lr=1e-3),
        name=f"{model}.zoo_photos_short",
        model=model,
        objective=SuperResolution(scale=2, steps=100),
        epochs=8,
        batch_size=8,
        schedule=cosine(warmup=0.1),
    )


rcan_tiny_x2 = photos(2, epochs=16, lr=1e-3)
rcan_tiny_x4 = photos(4, epochs=14, lr=5e-4, size=32, init_from="rcan_tiny_x2")
rcan_tiny_x2_short, edsr_tiny_x2_short = short("rcan_tiny_x2"), short("edsr_tiny_x2")
