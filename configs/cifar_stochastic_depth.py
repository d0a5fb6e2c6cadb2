"""The CIFAR networks of 1603.09382, by its Sec. 4: with stochastic depth and of constant depth.

All 50,000 images are for training here, where the paper holds 5,000 out to choose an epoch
(deviation no-validation), and CIFAR-100 has the statistics of CIFAR-10.
"""

from functools import partial

from torch.optim import SGD

from zoo.training import Recipe, steps
from zoo.training.image_classification import ImageClassification


def cifar(
    error: str, rate: float, *, classes: int = 10, plain: bool = False, where: str = "Table 1"
) -> Recipe:
    """Return a recipe of ResNet-110; `rate` is 1 - p_L, `plain` turns augmentation off."""
    wide = {"num_classes": 100} if classes == 100 else {}
    suffix = ("_plain" if plain else "") + ("" if rate else "_constant")
    return Recipe(
        name=f"sd_resnet110.cifar{classes}{suffix}",
        model="sd_resnet110",
        dataset=f"cifar{classes}/train",
        args=wide | ({"drop_path_rate": rate} if rate else {}),
        preprocessing={"num_classes": classes},
        epochs=500,
        batch_size=128,
        lr=0.1,
        objective=ImageClassification(pad=0, flip=False)
        if plain
        else ImageClassification(pad=4, flip=True),
        optimizer=partial(SGD, momentum=0.9, weight_decay=1e-4, nesterov=True),
        schedule=steps(250 / 500, 375 / 500),
        source="1603.09382 Sec. 4",
        hardware="a Titan X: 15 hours, 21 of constant depth (Table 2, README of the authors' code)",
        expected=f"error {error} on cifar{classes}/test ({where})",
    )


def cifar_1202(error: str, rate: float) -> Recipe:
    """Return a recipe of ResNet-1202: ten epochs at 0.01 first."""
    return Recipe(
        name="sd_resnet1202.cifar10" + ("" if rate else "_constant"),
        model="sd_resnet1202",
        dataset="cifar10/train",
        args={"drop_path_rate": rate} if rate else {},
        epochs=300,
        batch_size=128,
        lr=0.1,
        objective=ImageClassification(pad=4, flip=True),
        optimizer=partial(SGD, momentum=0.9, weight_decay=1e-4, nesterov=True),
        schedule=steps(150 / 300, 225 / 300, warmup=10 / 300),
        source="1603.09382 Sec. 4",
        hardware="not stated",
        expected=f"error {error} on cifar10/test (Sec. 4, Fig. 4 and 5)",
    )


plainly = partial(cifar, plain=True, where="Sec. 4")

resnet110 = cifar("5.25", 0.5)
resnet110_constant = cifar("6.41", 0)
resnet110_cifar100 = cifar("24.98", 0.5, classes=100)
resnet110_cifar100_constant = cifar("27.76", 0, classes=100)
resnet110_plain = plainly("11.66", 0.5)
resnet110_plain_constant = plainly("13.63", 0)
resnet110_cifar100_plain = plainly("37.8", 0.5, classes=100)
resnet110_cifar100_plain_constant = plainly("44.74", 0, classes=100)
resnet1202 = cifar_1202("4.91", 0.5)
resnet1202_constant = cifar_1202("6.67", 0)
