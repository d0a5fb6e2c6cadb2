"""Comparisons of the papers on small images, for two CPU cores: one recipe for every network.

CIFAR-10's images as JPEG, resized to 16x16: a quarter of the work. Optimizer, rate, weight decay,
crops and the steps of the rate are 1512.03385's (Sec. 4.2), with `ITERATIONS` batches of 64 instead
of 64k of 128. Networks of 110 layers start at 0.01, as there. Nothing was chosen by a result: each
network was trained once per seed.

In bfloat16, which the CPU must support; 20 to 56 layers also in float32. wrn16_4 is the widest that
a CPU has time for: a run of wrn28_10, with 13 times its MACs, would take three hours.
"""

from functools import partial

from torch.optim import SGD

from zoo.training import Recipe, steps
from zoo.training.image_classification import ImageClassification

PARTS, BATCHES = 10, 156  # a part is a fifth of the 50,000 images
ITERATIONS = PARTS * BATCHES
PREPROCESSING = {
    "input_size": (3, 16, 16),
    "interpolation": "bilinear",
    "crop_pct": 1.0,
    "mean": (0.4914, 0.4822, 0.4465),
    "std": (0.2470, 0.2435, 0.2616),
    "num_classes": 10,
}


def small(model: str, precision: str = "bf16", protocol: str = "jpeg16") -> Recipe:
    """Return a recipe: half of the time at 0.1, a quarter each at 0.01 and at 0.001."""
    return Recipe(
        name=f"{model}.zoo_{protocol}",
        model=model,
        dataset="cifar10_jpeg/train",
        preprocessing=PREPROCESSING,
        epochs=PARTS,
        batch_size=64,
        lr=0.1,
        objective=ImageClassification(pad=2, flip=True, steps=BATCHES),
        optimizer=partial(SGD, momentum=0.9, weight_decay=1e-4),
        schedule=steps(0.5, 0.75, warmup=20 / ITERATIONS if model.endswith("110") else 0.0),
        precision=precision,
        source="1512.03385 Sec. 4.2, shortened",
        hardware="two CPU cores",
        expected="which of two networks is better, with several seeds (eval/comparisons.py)",
        reached=f"verdicts of the papers, with the protocol {protocol}",
    )


plain20, plain56 = small("plain20"), small("plain56")
resnet20, resnet56, resnet110 = map(small, ("resnet20", "resnet56", "resnet110"))
preresnet110, wrn16_4 = small("preresnet110"), small("wrn16_4")
rkanet20 = small("rkanet20")

exact = partial(small, precision="no", protocol="jpeg16_float32")
plain20_float32, plain32_float32 = exact("plain20"), exact("plain32")
plain44_float32, plain56_float32 = exact("plain44"), exact("plain56")
resnet20_float32, resnet32_float32 = exact("resnet20"), exact("resnet32")
resnet44_float32, resnet56_float32 = exact("resnet44"), exact("resnet56")
