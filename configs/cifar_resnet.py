"""The CIFAR-10 networks of 1512.03385, by its Sec. 4.2: residual and plain.

64k iterations of 128 images: 164 epochs of 390 batches are 63,960. Two things are not the paper's:
the mean and deviation of each channel, where it subtracts the mean of each pixel (deviation
mean-and-std), and a warm-up of 400 iterations, where it waits for a training error below 80 %.
"""

from functools import partial

from torch.optim import SGD

from zoo.training import Recipe, steps
from zoo.training.image_classification import ImageClassification

EPOCHS, BATCHES = 164, 50_000 // 128
ITERATIONS = EPOCHS * BATCHES
TABLE_6 = {
    "resnet20": "error 8.75 on cifar10/test (Table 6)",
    "resnet32": "error 7.51 on cifar10/test (Table 6)",
    "resnet44": "error 7.17 on cifar10/test (Table 6)",
    "resnet56": "error 6.97 on cifar10/test (Table 6)",
    "resnet110": "error 6.43 on cifar10/test (Table 6), the best of five; their mean is 6.61",
    "resnet1202": "error 7.93 on cifar10/test (Table 6)",
}


def cifar(model: str, *, warmup: int = 0) -> Recipe:
    """Return a recipe; the first `warmup` iterations are at 0.01."""
    return Recipe(
        name=f"{model}.cifar10",
        model=model,
        dataset="cifar10/train",
        epochs=EPOCHS,
        batch_size=128,
        lr=0.1,
        objective=ImageClassification(pad=4, flip=True),
        optimizer=partial(SGD, momentum=0.9, weight_decay=1e-4),
        schedule=steps(32_000 / ITERATIONS, 48_000 / ITERATIONS, warmup=warmup / ITERATIONS),
        source="1512.03385 Sec. 4.2",
        hardware="two GPUs",
        expected=TABLE_6.get(model, "curves in Fig. 6, left; no error is printed"),
    )


resnet20, resnet32, resnet44, resnet56 = map(cifar, list(TABLE_6)[:4])
resnet110, resnet1202 = cifar("resnet110", warmup=400), cifar("resnet1202", warmup=400)
plain20, plain32, plain44, plain56 = map(cifar, ("plain20", "plain32", "plain44", "plain56"))
