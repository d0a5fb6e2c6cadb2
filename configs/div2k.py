"""Super-resolution on DIV2K: EDSR (1707.02921), RCAN (1807.02758), CARN (1803.08664) and DRLN
(1906.12021).

`--data DIR`: DIR/div2k_train holds the 800 images, 0001.png to 0800.png. They are downscaled in
memory, as MATLAB does. Pixels are in 0..1 where the authors' are in 0..255, which hardly changes a
step of Adam. The paper's CARN learns x2, x3 and x4 at once, as MDSR does; an objective here has one
scale, so these are networks of one.

The text of DRLN's paper was not read and its training is not published: its settings are defaults
of the authors' test code, whose HR patch of 192x192 at x4 is taken as 48x48 LR pixels at any scale.
"""

from functools import partial

from torch.optim import Adam

from zoo.training import Recipe, Schedule, steps
from zoo.training.super_resolution import SuperResolution

ADAM = partial(Adam, betas=(0.9, 0.999), eps=1e-8)
README = "README of the authors' PyTorch code"
README_TABLE = "table of the authors' README"


def div2k(
    model: str,
    *,
    epochs: int,
    schedule: Schedule,
    source: str,
    hardware: str,
    expected: str,
    degradation: str = "bi",
    from_x2: bool = True,
) -> Recipe:
    """Return a recipe: epochs of 1,000 batches of 16 patches of 48x48; all but x2 start from x2."""
    family, _, scale = model.rpartition("_x")
    start = f"runs/{family}_x2.div2k-0/model.safetensors"
    return Recipe(
        name=f"{model}.div2k" + ("" if degradation == "bi" else f"_{degradation}"),
        model=model,
        dataset="div2k_train",
        epochs=epochs,
        batch_size=16,
        lr=1e-4,
        objective=SuperResolution(scale=int(scale), size=48, degradation=degradation),
        optimizer=ADAM,
        schedule=schedule,
        init_from=start if from_x2 and scale != "2" else "",
        source=source,
        hardware=hardware,
        expected=expected,
    )


def edsr(model: str, psnr: str) -> Recipe:
    """The paper gives no length; 300 epochs are the default of the authors' PyTorch code."""
    return div2k(
        model,
        epochs=300,
        schedule=steps(200 / 300, factor=0.5),
        source="1707.02921 Sec. 4.2",
        hardware="Titan X; eight days for EDSR",
        expected=f"psnr {psnr} on div2k_valid/bi_x{model[-1]} ({README})",
    )


def rcan(scale: int, psnr: str, degradation: str = "bi") -> Recipe:
    """The paper gives no length; 1,000 epochs are the default of RCAN_TrainCode."""
    table = {"bi": "Table 2", "bd": "Table 3"}[degradation]
    return div2k(
        f"rcan_x{scale}",
        epochs=1000,
        schedule=steps(0.2, 0.4, 0.6, 0.8, factor=0.5),
        degradation=degradation,
        source="1807.02758 Sec. 4.1",
        hardware="a Titan Xp",
        expected=f"psnr {psnr} on set5/{degradation}_x{scale} ({table})",
    )


def drln(scale: int, psnr: str, table: str, degradation: str = "bi") -> Recipe:
    """3,000 epochs, half the rate after each 200."""
    return div2k(
        f"drln_x{scale}",
        epochs=3000,
        schedule=steps(*(i / 15 for i in range(1, 15)), factor=0.5),
        degradation=degradation,
        from_x2=False,
        source="defaults of option.py in the code of 1906.12021",
        hardware="not printed; one GPU by default",
        expected=f"psnr {psnr} on set5/{degradation}_x{scale} ({README_TABLE}, {table})",
    )


def carn(model: str) -> Recipe:
    """64 patches of 64x64, 600,000 steps, half the rate after 400,000 (README)."""
    return Recipe(
        name=f"{model}.div2k",
        model=model,
        dataset="div2k_train",
        epochs=600,
        batch_size=64,
        lr=1e-4,
        clip=10.0,
        objective=SuperResolution(scale=int(model[-1]), size=64),
        optimizer=ADAM,
        schedule=steps(400 / 600, factor=0.5),
        source="1803.08664 Sec. 4, and the README of the authors' code",
        hardware="two GPUs",
        expected="nothing is printed for networks of one scale",
    )


edsr_baseline_x2 = edsr("edsr_baseline_x2", "34.61")
edsr_baseline_x3 = edsr("edsr_baseline_x3", "30.92")
edsr_baseline_x4 = edsr("edsr_baseline_x4", "28.95")
edsr_x2, edsr_x3 = edsr("edsr_x2", "35.03"), edsr("edsr_x3", "31.26")
edsr_x4 = edsr("edsr_x4", "29.25")
rcan_x2, rcan_x3, rcan_x4, rcan_x8 = map(rcan, (2, 3, 4, 8), ("38.27", "34.74", "32.63", "27.31"))
rcan_x3_bd = rcan(3, "34.70", "bd")
drln_x2, drln_x3 = drln(2, "38.27", "x2 and x3"), drln(3, "34.78", "x2 and x3")
drln_x4, drln_x8 = drln(4, "32.63", "x4 and x8"), drln(8, "27.36", "x4 and x8")
drln_x3_bd = drln(3, "34.81", "blur-down", "bd")
carn_x2, carn_x3, carn_x4 = map(carn, ("carn_x2", "carn_x3", "carn_x4"))
carn_m_x2, carn_m_x3, carn_m_x4 = map(carn, ("carn_m_x2", "carn_m_x3", "carn_m_x4"))
