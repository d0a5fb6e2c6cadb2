"""A trial of Fig. 6 of MobileNetV2 (1801.04381) on small images.

    python -m eval.trials configs/cifar_mobilenetv2.py --test cifar10_jpeg/test --data DIR --write

Half the width, with linear bottlenecks, with ReLU6 after each, and without shortcuts, at the pixels
and with the optimizer and steps of cifar10_jpeg.py, in float32. Nothing was chosen by a result.
"""

from functools import partial

from torch.optim import SGD

from zoo.training import Recipe, steps
from zoo.training.image_classification import ImageClassification

PREPROCESSING = {  # of configs/cifar10_jpeg.py
    "input_size": (3, 16, 16),
    "interpolation": "bilinear",
    "crop_pct": 1.0,
    "mean": (0.4914, 0.4822, 0.4465),
    "std": (0.2470, 0.2435, 0.2616),
    "num_classes": 10,
}


def small(model: str) -> Recipe:
    """Return a recipe: half of the time at 0.1, a quarter each at 0.01 and at 0.001."""
    return Recipe(
        name=f"{model}.zoo_jpeg16_float32",
        model=model,
        dataset="cifar10_jpeg/train",
        preprocessing=PREPROCESSING,
        epochs=10,
        batch_size=64,
        lr=0.1,
        objective=ImageClassification(pad=2, flip=True, steps=156),
        optimizer=partial(SGD, momentum=0.9, weight_decay=1e-4),
        schedule=steps(0.5, 0.75),
        source="1801.04381 Fig. 6, shortened",
        hardware="a CPU core: 3 minutes",
        expected="the lowest error with linear bottlenecks and shortcuts",
    )


linear = small("mobilenetv2_x0_5")
relu6, plain = map(small, ("mobilenetv2_relu6_x0_5", "mobilenetv2_plain_x0_5"))
