"""The recipes for the bundled digits: small versions of the papers' CIFAR recipes.

They keep the papers' optimizer, rate and weight decay, with smaller batches and a schedule of
`EPOCHS`; digits are not mirrored. Each takes about a minute or less on two CPU cores.
"""

from dataclasses import replace
from functools import partial

from torch.optim import SGD

from zoo.training import Recipe, cosine
from zoo.training.image_classification import ImageClassification

EPOCHS = 12
PREPROCESSING = {
    "input_size": (3, 32, 32),
    "interpolation": "bilinear",
    "crop_pct": 1.0,
    "mean": (0.5, 0.5, 0.5),
    "std": (0.5, 0.5, 0.5),
    "num_classes": 10,
}


def digits(model: str, *, batch_size: int = 64) -> Recipe:
    """Return the recipe, the same for every network so that results compare."""
    return Recipe(
        name=f"{model}.zoo_digits",
        model=model,
        dataset="digits/train",
        preprocessing=PREPROCESSING,
        epochs=EPOCHS,
        batch_size=batch_size,
        lr=0.1,
        objective=ImageClassification(pad=2, flip=False),
        optimizer=partial(SGD, momentum=0.9, weight_decay=1e-4),
        schedule=cosine(warmup=0.1),
        source="1512.03385 Sec. 4.2, shortened",
    )


def half(model: str) -> Recipe:
    """Return a recipe for wider networks: in bf16 at 16x16, still more than the scans' 8x8."""
    return replace(
        digits(model),
        name=f"{model}.zoo_digits16",
        preprocessing={**PREPROCESSING, "input_size": (3, 16, 16)},
        args={"num_classes": 10},
        precision="bf16",
    )


resnet20 = digits("resnet20")
preresnet20 = digits("preresnet20")
wrn16_1 = digits("wrn16_1")
resnext29_1x64d, resnext29_32x4d = half("resnext29_1x64d"), half("resnext29_32x4d")
res2next29_1cx26wx4s = half("res2next29_1cx26wx4s")
