"""The CIFAR networks of 1605.07146, Sec. 3: Tables 5, 6 and 9, normalised by mean and deviation.

CIFAR-100 has the statistics of CIFAR-10 too, as in the authors' train.lua. Table 4 needs ZCA
whitening, and the rows of SVHN its images; the zoo has neither.
"""

from functools import partial

from torch.optim import SGD

from zoo.training import Recipe, steps
from zoo.training.image_classification import ImageClassification


def cifar(model: str, error: str, where: str, *, classes: int = 10, dropout: float = 0.0) -> Recipe:
    """Return a recipe, with or without dropout."""
    wide = {"num_classes": 100} if classes == 100 else {}
    suffix = "_dropout" if dropout else ""
    return Recipe(
        name=f"{model}.cifar{classes}{suffix}",
        model=model,
        dataset=f"cifar{classes}/train",
        args=wide | ({"drop_rate": dropout} if dropout else {}),
        preprocessing={"num_classes": classes},
        epochs=200,
        batch_size=128,
        lr=0.1,
        objective=ImageClassification(pad=4, flip=True, mode="reflect"),
        optimizer=partial(SGD, momentum=0.9, weight_decay=5e-4, nesterov=True),
        schedule=steps(60 / 200, 120 / 200, 160 / 200, factor=0.2),
        source="1605.07146 Sec. 3, Implementation details",
        hardware="a Titan X: six hours for wrn40_4 (README of the authors' code)",
        expected=f"error {error} on cifar{classes}/test ({where})",
    )


wrn40_4 = cifar("wrn40_4", "4.53", "Table 5")
wrn16_8 = cifar("wrn16_8", "4.27", "Table 5")
wrn28_10 = cifar("wrn28_10", "4.00", "Tables 5 and 6")
wrn52_1 = cifar("wrn52_1", "6.43", "Table 6")
wrn16_4 = cifar("wrn16_4", "5.02", "Table 6")
wrn52_1_dropout = cifar("wrn52_1", "6.28", "Table 6", dropout=0.3)
wrn16_4_dropout = cifar("wrn16_4", "5.24", "Table 6", dropout=0.3)
wrn28_10_dropout = cifar("wrn28_10", "3.89", "Table 6", dropout=0.3)
wrn40_10_dropout = cifar("wrn40_10", "3.8", "Table 9", dropout=0.3)

wrn40_4_cifar100 = cifar("wrn40_4", "21.18", "Table 5", classes=100)
wrn16_8_cifar100 = cifar("wrn16_8", "20.43", "Table 5", classes=100)
wrn28_10_cifar100 = cifar("wrn28_10", "19.25", "Tables 5 and 6", classes=100)
wrn52_1_cifar100 = cifar("wrn52_1", "29.89", "Table 6", classes=100)
wrn16_4_cifar100 = cifar("wrn16_4", "24.03", "Table 6", classes=100)
wrn52_1_cifar100_dropout = cifar("wrn52_1", "29.78", "Table 6", classes=100, dropout=0.3)
wrn16_4_cifar100_dropout = cifar("wrn16_4", "23.91", "Table 6", classes=100, dropout=0.3)
wrn28_10_cifar100_dropout = cifar("wrn28_10", "18.85", "Table 6", classes=100, dropout=0.3)
wrn40_10_cifar100_dropout = cifar("wrn40_10", "18.3", "Table 9, Sec. 3", classes=100, dropout=0.3)
