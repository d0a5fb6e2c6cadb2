"""LiResNet by the configurations of its authors' code (2301.12549), and a trial on small images.

    zoo train configs/liresnet.py:cifar10 --data DIR --out runs/liresnet_l18w256.cifar10-0

The authors raise epsilon over the first half of the epochs, from 0.1 to 1.5 of the radius that is
certified; here it is 1.5 of it from the start (deviation epsilon-is-constant).

    python -m eval.trials configs/liresnet.py --test cifar10_jpeg/test --data DIR \\
        --recipes linear_jpeg basic_jpeg --write

tries what the abstract claims of the residual block, in 624 batches of 64 by one recipe. Nothing
was chosen by a result.
"""

from functools import partial

from torch.optim import AdamW

from zoo.models.liresnet.emma import EmmaLoss
from zoo.training import Recipe, cosine
from zoo.training.image_classification import PaperClassification

RADIUS = 36 / 255
EMMA = EmmaLoss(epsilon=1.5 * RADIUS)


def paper(dataset: str, classes: int, vra: str) -> Recipe:
    """Return the recipe of L18W256 on a data set of 32x32 pixels."""
    name = dataset.partition("/")[0]
    return Recipe(
        name=f"liresnet_l18w256.{name}",
        model="liresnet_l18w256",
        dataset=dataset,
        args={"num_classes": classes, "bounded": True},
        preprocessing={"num_classes": classes},
        epochs=800,
        batch_size=256,
        lr=1e-3,
        objective=PaperClassification(pad=4, flip=True, criterion=EMMA),
        optimizer=partial(AdamW, weight_decay=1e-4),
        schedule=cosine(warmup=20 / 800),
        clip=3.0,
        source="2301.12549, configs of the authors' code",
        hardware="8 GPUs",
        expected=f"{vra} % of {name}/test right within 36/255, by the README of the authors' code",
    )


def small(model: str) -> Recipe:
    """Return a recipe of the trial: as the paper's, but for its length."""
    return Recipe(
        name=f"{model}.zoo_jpeg32",
        model=model,
        dataset="cifar10_jpeg/train",
        args={"bounded": True},
        epochs=4,
        batch_size=64,
        lr=1e-3,
        objective=PaperClassification(pad=4, flip=True, steps=156, criterion=EMMA),
        optimizer=partial(AdamW, weight_decay=1e-4),
        schedule=cosine(warmup=0.05),
        clip=3.0,
        source="2301.12549, shortened",
        hardware="a CPU core: 2 minutes, 4 with conventional blocks",
        expected="more images verified by linear blocks",
    )


cifar10 = paper("cifar10/train", 10, "70.1")
cifar100 = paper("cifar100/train", 100, "41.5")
linear_jpeg, basic_jpeg = small("liresnet_l6w32"), small("liresnet_basic_l6w32")
