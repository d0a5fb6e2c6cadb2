"""The CIFAR network of 1802.07088, as its authors' code trains it (CIFAR_main.py, utils_cifar.py).

Their optimizer is made anew in every epoch, and so forgets its momentum; here it does not.
"""

from functools import partial

from torch.optim import SGD

from zoo.training import Recipe, steps
from zoo.training.image_classification import ImageClassification

irevnet163 = Recipe(
    name="irevnet163.cifar10",
    model="irevnet163",
    dataset="cifar10/train",
    args={"dropout": 0.1},
    epochs=200,
    batch_size=128,
    lr=0.1,
    objective=ImageClassification(pad=4, flip=True),
    optimizer=partial(SGD, momentum=0.9, weight_decay=5e-4),
    schedule=steps(60 / 200, 120 / 200, 160 / 200, factor=0.2),
    source="1802.07088, CIFAR_main.py of the authors' code",
    hardware="one GPU, about 5 hours (README of the authors' code)",
    expected="accuracy of about 94.5 % (README of the authors' code)",
)
