"""SkipNet's two stages of training on CIFAR (1711.09485, Sec. 4), and a trial on small images.

    zoo train configs/cifar_skipnet.py:rnn38 --data DIR --out runs/skipnet38_rnn.cifar10-0
    zoo train configs/cifar_skipnet.py:rnn38_policy --data DIR --out runs/skipnet38_rnn.policy-0

The first stage is as 1512.03385 trains ResNets, the second one starts from its weights. The paper
tunes alpha for each network and prints none; 0.1 is the default of the authors' script.

    python -m eval.trials configs/cifar_skipnet.py --test cifar10_jpeg/test \\
        --recipes hard38_jpeg16 soft38_jpeg16 --data DIR --write

tries Table 3: gates that are hard or soft in training, in float32, at the pixels of cifar10_jpeg.py
and in 936 batches of 64. Nothing was chosen by a result.
"""

from functools import partial

from torch.optim import SGD

from zoo.models.skipnet.policy import HybridLoss
from zoo.training import Recipe, steps
from zoo.training.image_classification import ImageClassification, PaperClassification

EPOCHS, BATCHES = 164, 50_000 // 128
ITERATIONS = EPOCHS * BATCHES
POLICY_EPOCHS = 26  # 10,140 batches of 128, where the paper has 10k iterations
ALPHA = 0.1
SMALL = {  # of configs/cifar10_jpeg.py
    "input_size": (3, 16, 16),
    "interpolation": "bilinear",
    "crop_pct": 1.0,
    "mean": (0.4914, 0.4822, 0.4465),
    "std": (0.2470, 0.2435, 0.2616),
    "num_classes": 10,
}
sgd = partial(SGD, momentum=0.9, weight_decay=1e-4)


def supervised(model: str, *, warmup: int = 0) -> Recipe:
    """Return the recipe of the first stage; the first `warmup` iterations are at 0.01."""
    return Recipe(
        name=f"{model}.cifar10",
        model=model,
        dataset="cifar10/train",
        epochs=EPOCHS,
        batch_size=128,
        lr=0.1,
        objective=ImageClassification(pad=4, flip=True),
        optimizer=sgd,
        schedule=steps(32_000 / ITERATIONS, 48_000 / ITERATIONS, warmup=warmup / ITERATIONS),
        source="1711.09485 Sec. 4 (Training), as 1512.03385 Sec. 4.2",
        hardware="not stated",
        expected="no score of the first stage is printed",
    )


def policy(model: str, accuracy: str) -> Recipe:
    """Return the recipe of the second stage, from the weights of the first."""
    return Recipe(
        name=f"{model}.cifar10_policy",
        model=model,
        dataset="cifar10/train",
        args={"gating": "sampled"},
        init_from=f"runs/{model}.cifar10-0/model.safetensors",
        epochs=POLICY_EPOCHS,
        batch_size=128,
        lr=1e-4,
        objective=PaperClassification(criterion=HybridLoss(alpha=ALPHA)),
        optimizer=sgd,
        schedule=steps(),
        source="1711.09485 Sec. 3.2 and 4 (Training)",
        hardware="not stated",
        expected=f"{accuracy} % of cifar10/test right, by the README of the authors' code",
    )


def small(model: str) -> Recipe:
    """Return a recipe of the trial: half of the time at 0.1, a quarter each at 0.01 and 0.001."""
    return Recipe(
        name=f"{model}.zoo_jpeg16_float32",
        model=model,
        dataset="cifar10_jpeg/train",
        preprocessing=SMALL,
        epochs=6,
        batch_size=64,
        lr=0.1,
        objective=ImageClassification(pad=2, flip=True, steps=156),
        optimizer=sgd,
        schedule=steps(0.5, 0.75),
        source="1711.09485 Table 3, shortened",
        hardware="a CPU core: 3 minutes",
        expected="a lower error with gates that are hard in training",
    )


ff38, ff74 = map(supervised, ("skipnet38_ff", "skipnet74_ff"))
rnn38, rnn74 = map(supervised, ("skipnet38_rnn", "skipnet74_rnn"))
ff110, rnn110 = (supervised(f"skipnet110_{gate}", warmup=400) for gate in ("ff", "rnn"))
rnn38_policy = policy("skipnet38_rnn", "92.750")
rnn74_policy = policy("skipnet74_rnn", "92.770")
rnn110_policy = policy("skipnet110_rnn", "93.300")
hard38_jpeg16, soft38_jpeg16 = map(small, ("skipnet38_rnn", "skipnet38_rnn_soft"))
