"""Super-resolution on DIV2K: 1707.02921 (EDSR), 1807.02758 (RCAN) and 1803.08664 (CARN).

`--data DIR`: DIR/div2k_train holds the 800 images, 0001.png to 0800.png. They are downscaled in
memory, as MATLAB does. Pixels are in 0..1 where the authors' are in 0..255, which hardly changes a
step of Adam. The paper's CARN learns x2, x3 and x4 at once, as MDSR does; an objective here has one
scale, so these are networks of one. RCAN's for blurred images (x3, BD) needs that degradation.
"""

from functools import partial

from torch.optim import Adam

from zoo.training import Recipe, Schedule, steps
from zoo.training.super_resolution import SuperResolution

ADAM = partial(Adam, betas=(0.9, 0.999), eps=1e-8)
README = "README of the authors' PyTorch code"


def div2k(
    model: str, *, epochs: int, schedule: Schedule, source: str, hardware: str, expected: str
) -> Recipe:
    """Return a recipe: epochs of 1,000 batches of 16 patches of 48x48; all but x2 start from x2."""
    family, _, scale = model.rpartition("_x")
    return Recipe(
        name=f"{model}.div2k",
        model=model,
        dataset="div2k_train",
        epochs=epochs,
        batch_size=16,
        lr=1e-4,
        objective=SuperResolution(scale=int(scale), size=48),
        optimizer=ADAM,
        schedule=schedule,
        init_from="" if scale == "2" else f"runs/{family}_x2.div2k-0/model.safetensors",
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


def rcan(scale: int, psnr: str) -> Recipe:
    """The paper gives no length; 1,000 epochs are the default of RCAN_TrainCode."""
    return div2k(
        f"rcan_x{scale}",
        epochs=1000,
        schedule=steps(0.2, 0.4, 0.6, 0.8, factor=0.5),
        source="1807.02758 Sec. 4.1",
        hardware="a Titan Xp",
        expected=f"psnr {psnr} on set5/bi_x{scale} (Table 2)",
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
carn_x2, carn_x3, carn_x4 = map(carn, ("carn_x2", "carn_x3", "carn_x4"))
carn_m_x2, carn_m_x3, carn_m_x4 = map(carn, ("carn_m_x2", "carn_m_x3", "carn_m_x4"))
