"""Masked autoencoding of the bundled digits, with and without decayed shortcuts (2404.10947).

    zoo train configs/digits_mae.py:pretrain_decay --out runs/decay

Optimizer, weight decay, warm-up, share of hidden patches and target are those of the README of the
paper's code, with a smaller network and batch. Digits of 64 pixels have 16 patches.
eval/masked_autoencoding.py judges what the encoder learnt.
"""

from functools import partial

from torch.optim import AdamW

from zoo.models.decayed_identity.autoencoder import MaskedAutoencoder
from zoo.training import Recipe, cosine, decay_matrices_only
from zoo.training.masked_autoencoding import MaskedAutoencoding

PREPROCESSING = {
    "input_size": (3, 64, 64),
    "interpolation": "bilinear",
    "crop_pct": 1.0,
    "mean": (0.5, 0.5, 0.5),
    "std": (0.5, 0.5, 0.5),
    "num_classes": 10,
}


def pretrain(model: str) -> Recipe:
    """Return the recipe of an encoder, the same for both."""
    return Recipe(
        name=f"{model}.zoo_digits_mae",
        model=model,
        dataset="digits/train",
        preprocessing=PREPROCESSING,
        args={"num_classes": 10},
        epochs=40,
        batch_size=64,
        lr=1e-3,
        objective=MaskedAutoencoding(pad=4, flip=False),
        around=partial(MaskedAutoencoder, depth=2, width=64, heads=4),
        optimizer=partial(decay_matrices_only, partial(AdamW, betas=(0.9, 0.95)), 0.05),
        schedule=cosine(warmup=0.05),
        source="2404.10947, README of the code, shortened",
        hardware="one CPU core",
        expected="an encoder without a classifier: only the network inside is saved",
    )


pretrain_decay = pretrain("mae_vit_nano_patch16_decay")
pretrain_skip = pretrain("mae_vit_nano_patch16_skip")
