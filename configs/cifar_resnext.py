"""The CIFAR networks of 1611.05431 (Sec. 5.3, Appendix A), and those of 1904.01169 after them.

Where Appendix A refers to fb.resnet.torch, that has Nesterov's momentum and a tenth of the rate at
each step. The authors' train.lua steps two epochs earlier, from 148 and 223; not here.
"""

from dataclasses import replace
from functools import partial

from torch.optim import SGD

from zoo.training import Recipe, steps
from zoo.training.image_classification import ImageClassification

CIFAR_100: dict[str, object] = {  # datasets/cifar100.lua of fb.resnet.torch
    "num_classes": 100,
    "mean": (129.3 / 255, 124.1 / 255, 112.4 / 255),
    "std": (68.2 / 255, 65.4 / 255, 70.4 / 255),
}


def cifar(model: str, error: str, where: str, *, classes: int = 10) -> Recipe:
    """Return a recipe; errors are means of ten runs."""
    return Recipe(
        name=f"{model}.cifar{classes}",
        model=model,
        dataset=f"cifar{classes}/train",
        args={"num_classes": 100} if classes == 100 else {},
        preprocessing=CIFAR_100 if classes == 100 else {},
        epochs=300,
        batch_size=128,
        lr=0.1,
        objective=ImageClassification(pad=4, flip=True),
        optimizer=partial(SGD, momentum=0.9, weight_decay=5e-4, nesterov=True),
        schedule=steps(150 / 300, 225 / 300),
        source="1611.05431 Sec. 5.3, Appendix A",
        hardware="eight GPUs",
        expected=f"error {error} on cifar{classes}/test ({where}), the mean of ten",
    )


def res2next(model: str, error: str) -> Recipe:
    """Return the recipe of ResNeXt-29 (1904.01169, Sec. 4.3) as the authors' code has it.

    The rate is 0.05 for 64 images, and the statistics are ImageNet's.
    """
    return replace(
        cifar(model, error, "Table 4", classes=100),
        args={},
        preprocessing={},
        batch_size=64,
        lr=0.05,
        source="1904.01169 Sec. 4.3",
        hardware="not stated",
        expected=f"error {error} on cifar100/test (Table 4)",
    )


resnext29_8x64d = cifar("resnext29_8x64d", "3.65", "Table 7")
resnext29_16x64d = cifar("resnext29_16x64d", "3.58", "Table 7, Sec. 5.3")
resnext29_8x64d_cifar100 = cifar("resnext29_8x64d", "17.77", "Table 7", classes=100)
resnext29_16x64d_cifar100 = cifar("resnext29_16x64d", "17.31", "Table 7, Sec. 5.3", classes=100)

res2next29_6cx24wx4s = res2next("res2next29_6cx24wx4s", "16.98")
res2next29_8cx25wx4s = res2next("res2next29_8cx25wx4s", "16.93")
res2next29_6cx24wx6s = res2next("res2next29_6cx24wx6s", "16.79")
