"""DnCNN's recipes (1608.03981, Sec. IV-A), and one for the small network that comes with the zoo.

`--data DIR`: DIR/denoise/train400 holds the 400 grey images of BSD's training set, 180x180.
"""

from functools import partial

from torch.optim import SGD, Adam

from zoo.training import Recipe, cosine, decay_matrices_only
from zoo.training.denoising import Denoising

EPOCHS = 50


def decades(share: float) -> float:
    """Decay from 1 to 1e-3 by equal factors, epoch by epoch."""
    return float(10 ** (-3 * int(share * EPOCHS + 1e-9) / (EPOCHS - 1)))


def paper(
    name: str, objective: Denoising, claim: str, *, model: str = "", dataset: str = "train400/train"
) -> Recipe:
    """Return a recipe of 50 epochs, in batches of 128 patches."""
    return Recipe(
        name=name,
        model=model or name,
        dataset=dataset,
        objective=objective,
        epochs=EPOCHS,
        batch_size=128,
        lr=0.1,
        optimizer=partial(decay_matrices_only, partial(SGD, momentum=0.9), 1e-4),
        schedule=decades,
        source="1608.03981 Sec. IV-A and IV-B",
        hardware="one Nvidia Titan X",
        expected=claim,
    )


def one_level(sigma: int, claim: str) -> Recipe:
    """Return a recipe of DnCNN-S: one noise level, 128 x 1,600 patches of 40x40."""
    objective = Denoising(sigma=(sigma, sigma))
    return paper(f"dncnn_s.sigma{sigma}", objective, claim, model="dncnn_s")


ANY_LEVEL = Denoising(sigma=(0, 55), size=50, steps=3000)
dncnn_s_15 = one_level(15, "psnr 32.859 on set12/sigma15 (Table III)")
dncnn_s_25 = one_level(25, "psnr 30.436 on set12/sigma25 (Table III)")
dncnn_s_50 = one_level(50, "psnr 27.178 on set12/sigma50 (Table III)")
dncnn_b = paper("dncnn_b", ANY_LEVEL, "psnr 30.362 on set12/sigma25 (Table III)")
dncnn_cb = paper("dncnn_cb", ANY_LEVEL, "images alone (Sec. IV-E)", dataset="cbsd432/train")

dncnn_tiny = Recipe(
    name="dncnn_tiny.zoo_train400",
    model="dncnn_tiny",
    dataset="train400/train",
    objective=Denoising(sigma=(25, 25), steps=250),
    epochs=8,
    batch_size=16,
    lr=2e-3,
    optimizer=partial(Adam, betas=(0.9, 0.999), eps=1e-8),
    schedule=cosine(warmup=0.02),
    precision="bf16",
    source="1608.03981 Sec. IV-A, shortened",
)
