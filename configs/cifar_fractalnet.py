"""The CIFAR networks of 1605.07648, Sec. 4: five blocks of three columns, 400 epochs.

A tenth of the rate when half of the remaining epochs are over: 200, 300, 350, 375, after which two
ports stop too. No weight decay is named, nor how images are normalised.
"""

from functools import partial
from typing import Any

from torch.optim import SGD

from zoo.training import Recipe, steps
from zoo.training.image_classification import ImageClassification

WHERE = "Table 1"


def cifar(error: str, *, classes: int = 10, drop: bool = False, plus: bool = True) -> Recipe:
    """Return a recipe; `plus` mirrors and translates, `drop` adds drop-path and dropout."""
    args: dict[str, Any] = {"drop_rate": 0.4, "drop_path_rate": 0.15} if drop else {}
    suffix = ("_plus" if plus else "") + ("_drop" if drop else "")
    return Recipe(
        name=f"fractalnet20.cifar{classes}{suffix}",
        model="fractalnet20",
        dataset=f"cifar{classes}/train",
        args=args | ({"num_classes": 100} if classes == 100 else {}),
        preprocessing={"num_classes": classes},
        epochs=400,
        batch_size=100,
        lr=0.02,
        objective=ImageClassification(pad=4, flip=True, mode="reflect")
        if plus
        else ImageClassification(pad=0, flip=False),
        optimizer=partial(SGD, momentum=0.9),
        schedule=steps(200 / 400, 300 / 400, 350 / 400, 375 / 400),
        source="1605.07648 Sec. 4",
        hardware="not stated",
        expected=f"error {error} on cifar{classes}/test ({WHERE})",
    )


cifar10 = cifar("10.18", plus=False)
cifar10_drop = cifar("7.33", plus=False, drop=True)
cifar10_plus = cifar("5.22")
cifar10_plus_drop = cifar("4.60", drop=True)
cifar100 = cifar("35.34", classes=100, plus=False)
cifar100_drop = cifar("28.20", classes=100, plus=False, drop=True)
cifar100_plus = cifar("23.30", classes=100)
cifar100_plus_drop = cifar("23.73", classes=100, drop=True)
