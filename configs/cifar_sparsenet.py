"""The CIFAR networks of 1801.05895, as its authors' TensorFlow code trains them (src/main.py).

CIFAR-100 has the statistics of CIFAR-10 here, where the authors subtract the mean of each pixel.
"""

from functools import partial

from torch.optim import SGD

from zoo.training import Recipe, decay_matrices_only, steps
from zoo.training.image_classification import ImageClassification

ERRORS = {
    "sparsenet40_k24": "24.65",
    "sparsenet100_k36": "20.50",
    "sparsenet100_k16_32_64": "19.49",
    "sparsenet_bc100_k24": "22.12",
    "sparsenet_bc100_k16_32_64": "19.71",
    "sparsenet_bc100_k32_64_128": "17.71",
}


def cifar100(model: str) -> Recipe:
    """Return the recipe of a network."""
    return Recipe(
        name=f"{model}.cifar100",
        model=model,
        dataset="cifar100/train",
        epochs=300,
        batch_size=64,
        lr=0.1,
        objective=ImageClassification(pad=4, flip=True),
        optimizer=partial(decay_matrices_only, partial(SGD, momentum=0.9, nesterov=True), 1e-4),
        schedule=steps(150 / 300, 225 / 300),
        source="1801.05895, src/main.py of the authors' code",
        hardware="not stated",
        expected=f"error {ERRORS[model]} on cifar100/test (README of the authors' code)",
    )


sparsenet40_k24, sparsenet100_k36, sparsenet100_k16_32_64 = map(cifar100, list(ERRORS)[:3])
sparsenet_bc100_k24, sparsenet_bc100_k16_32_64 = map(cifar100, list(ERRORS)[3:5])
sparsenet_bc100_k32_64_128 = cifar100("sparsenet_bc100_k32_64_128")
