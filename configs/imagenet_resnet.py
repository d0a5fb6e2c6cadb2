"""The ImageNet networks of 1512.03385, by its Sec. 3.4: residual and plain.

60e4 iterations of 256 images are 120 epochs of 5,004 batches (600,480). The rate is divided by ten
"when the error plateaus", which the paper gives no iterations for: here every 30 epochs, as
1603.05027 (Appendix) and fb.resnet.torch do. The mean and deviation of each channel take the place
of the mean of each pixel (deviation mean-and-std).
"""

from functools import partial

from torch.optim import SGD

from zoo.training import Recipe, steps
from zoo.training.image_streaming import Augmentation, StreamedImageClassification

ERRORS = {
    "plain18": "27.94 on imagenet/val (Table 2)",
    "plain34": "28.54 on imagenet/val (Tables 2 and 3)",
    "resnet18_v1": "27.88 on imagenet/val (Table 2)",
    "resnet34_v1": "25.03 on imagenet/val (Tables 2 and 3)",
    "resnet50_v1": "22.85 on imagenet/val (Table 3)",
    "resnet101_v1": "21.75 on imagenet/val (Table 3)",
    "resnet152_v1": "21.43 on imagenet/val (Table 3)",
}


def imagenet(model: str) -> Recipe:
    """Return a recipe; errors are of ten crops."""
    return Recipe(
        name=f"{model}.imagenet",
        model=model,
        dataset="imagenet/train",
        epochs=120,
        batch_size=256,
        lr=0.1,
        objective=StreamedImageClassification(Augmentation(short_side=(256, 480), lighting=0.1)),
        optimizer=partial(SGD, momentum=0.9, weight_decay=1e-4),
        schedule=steps(30 / 120, 60 / 120, 90 / 120),
        source="1512.03385 Sec. 3.4",
        hardware="not stated",
        expected=f"error {ERRORS[model]}, ten crops",
    )


plain18, plain34, resnet18_v1, resnet34_v1, resnet50_v1, resnet101_v1, resnet152_v1 = map(
    imagenet, ERRORS
)
