"""ResNet-152 of 1603.09382, by its Sec. 4: fb.resnet.torch with 128 images a batch, 120 epochs.

As in imagenet_resnext.py: crops of scale and ratio, bicubic; brightness, contrast, saturation,
AlexNet's colours (datasets/imagenet.lua); Nesterov's momentum; a tenth of the rate every 30 epochs.
"""

from functools import partial

from torch.optim import SGD

from zoo.training import Recipe, steps
from zoo.training.image_streaming import Augmentation, StreamedImageClassification


def imagenet(error: str, rate: float) -> Recipe:
    """Return a recipe; `rate` is 1 - p_L."""
    return Recipe(
        name="sd_resnet152.imagenet" + ("" if rate else "_constant"),
        model="sd_resnet152",
        dataset="imagenet/train",
        args={"drop_path_rate": rate} if rate else {},
        preprocessing={"interpolation": "bicubic"},
        epochs=120,
        batch_size=128,
        lr=0.1,
        objective=StreamedImageClassification(Augmentation(color_jitter=0.4, lighting=0.1)),
        optimizer=partial(SGD, momentum=0.9, weight_decay=1e-4, nesterov=True),
        schedule=steps(30 / 120, 60 / 120, 90 / 120),
        source="1603.09382 Sec. 4",
        hardware="four GPUs",
        expected=f"error {error} on imagenet/val (Table 1)",
    )


resnet152 = imagenet("21.98", 0.5)
resnet152_constant = imagenet("21.78", 0)
