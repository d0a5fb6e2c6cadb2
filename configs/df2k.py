"""DRCT (2404.00722) on DF2K, by the options of the authors' code, since the paper was not read.

`--data DIR`: DIR/df2k_train holds PNG files, the 800 images of DIV2K and the 2,650 of Flickr2K.
They and their small images stay in memory; the authors read crops of them.

The README does not say which options gave its table. Those of DRCT-L, and others of DRCT, begin
with 800,000 steps on ImageNet: they are not here, since patches are drawn from images in memory.
"""

from functools import partial

from torch.optim import Adam

from zoo.training import Recipe, steps
from zoo.training.super_resolution import SuperResolution

TABLE = "psnr 33.11 on set5/bi_x4 (table of the authors' README)"


def df2k(name: str, *, epochs: int, lr: float, init_from: str = "", expected: str = "") -> Recipe:
    """Return a recipe of DRCT: epochs of 1,000 batches of 32 patches of 64x64."""
    model, _, tag = name.partition(".")
    options = "finetune_from_SRx2" if tag == "df2k_from_x2" else "from_scratch"
    return Recipe(
        name=name,
        model=model,
        args={"drop_path_rate": 0.1},
        dataset="df2k_train",
        epochs=epochs,
        batch_size=32,
        lr=lr,
        ema=0.999,
        objective=SuperResolution(scale=int(model[-1]), size=64),
        optimizer=partial(Adam, betas=(0.9, 0.99)),
        schedule=steps(0.5, 0.8, 0.9, 0.95 if epochs == 500 else 0.96, factor=0.5),
        init_from=init_from,
        source=f"options/train/train_DRCT_SRx{model[-1]}_{options}.yml in the code of 2404.00722",
        hardware="eight GPUs, by the README's command",
        expected=expected or "nothing is printed in the README",
    )


drct_x2, drct_x3 = (df2k(f"drct_x{scale}.df2k", epochs=500, lr=2e-4) for scale in (2, 3))
drct_x4 = df2k("drct_x4.df2k", epochs=500, lr=2e-4, expected=TABLE)
drct_x4_from_x2 = df2k(
    "drct_x4.df2k_from_x2",
    epochs=250,
    lr=1e-4,
    init_from="runs/drct_x2.df2k-0/model.safetensors",
)
