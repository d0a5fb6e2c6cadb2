"""The CIFAR networks of 1610.02915, by its Sec. 4 as others quote it and the README of its code.

CIFAR-100 has the statistics of CIFAR-10 here. How the networks for ImageNet were trained was not
read.
"""

from functools import partial

from torch.optim import SGD

from zoo.training import Recipe, steps
from zoo.training.image_classification import ImageClassification

ERRORS = {  # on CIFAR-10 and CIFAR-100
    "pyramidnet110_m4_75": ("4.62", "23.16"),
    "pyramidnet110_a48": ("4.62", "23.31"),
    "pyramidnet110_m8": ("4.50", "20.94"),
    "pyramidnet110_a84": ("4.27", "20.21"),
    "pyramidnet110_m27": ("4.06", "18.79"),
    "pyramidnet110_a270": ("3.73", "18.25"),
    "pyramidnet164_a48": ("4.21", "19.52"),
    "pyramidnet164_a84": ("3.96", "18.32"),
    "pyramidnet164_a270": ("3.48", "17.01"),
    "pyramidnet200_a240": ("3.44", "16.51"),
    "pyramidnet236_a220": ("3.40", "16.37"),
    "pyramidnet272_a200": ("3.31", "16.35"),
}


def cifar(model: str, classes: int = 10) -> Recipe:
    """Return a recipe; with 100 classes the rate is five times as high."""
    error = ERRORS[model][classes == 100]
    return Recipe(
        name=f"{model}.cifar{classes}",
        model=model,
        dataset=f"cifar{classes}/train",
        args={"num_classes": 100} if classes == 100 else {},
        preprocessing={"num_classes": classes},
        epochs=300,
        batch_size=128,
        lr=0.5 if classes == 100 else 0.1,
        objective=ImageClassification(pad=4, flip=True),
        optimizer=partial(SGD, momentum=0.9, weight_decay=1e-4, nesterov=True),
        schedule=steps(150 / 300, 225 / 300),
        source="1610.02915 Sec. 4",
        hardware="four GPUs for CIFAR-100 and the widest (README)",
        expected=f"error {error} on cifar{classes}/test (README of the authors' Torch code)",
    )


pyramidnet110_m4_75, pyramidnet110_a48, pyramidnet110_m8 = map(cifar, list(ERRORS)[:3])
pyramidnet110_a84, pyramidnet110_m27, pyramidnet110_a270 = map(cifar, list(ERRORS)[3:6])
pyramidnet164_a48, pyramidnet164_a84, pyramidnet164_a270 = map(cifar, list(ERRORS)[6:9])
pyramidnet200_a240, pyramidnet236_a220, pyramidnet272_a200 = map(cifar, list(ERRORS)[9:])

pyramidnet110_m4_75_cifar100 = cifar("pyramidnet110_m4_75", 100)
pyramidnet110_a48_cifar100 = cifar("pyramidnet110_a48", 100)
pyramidnet110_m8_cifar100 = cifar("pyramidnet110_m8", 100)
pyramidnet110_a84_cifar100 = cifar("pyramidnet110_a84", 100)
pyramidnet110_m27_cifar100 = cifar("pyramidnet110_m27", 100)
pyramidnet110_a270_cifar100 = cifar("pyramidnet110_a270", 100)
pyramidnet164_a48_cifar100 = cifar("pyramidnet164_a48", 100)
pyramidnet164_a84_cifar100 = cifar("pyramidnet164_a84", 100)
pyramidnet164_a270_cifar100 = cifar("pyramidnet164_a270", 100)
pyramidnet200_a240_cifar100 = cifar("pyramidnet200_a240", 100)
pyramidnet236_a220_cifar100 = cifar("pyramidnet236_a220", 100)
pyramidnet272_a200_cifar100 = cifar("pyramidnet272_a200", 100)
