"""The ImageNet networks of 1611.05431, by its Sec. 4 and the authors' code where that is silent.

100 epochs, a tenth of the rate every 30 (train.lua); crops of scale and ratio, bicubic; brightness,
contrast, saturation, AlexNet's colours (datasets/imagenet.lua); Nesterov's momentum.
"""

from functools import partial

from torch.optim import SGD

from zoo.training import Recipe, steps
from zoo.training.image_streaming import Augmentation, StreamedImageClassification

ERRORS = {
    "resnext50_1x64d": "23.9 on imagenet/val (Table 3, Sec. 5.1 (residual connections))",
    "resnext50_2x40d": "23.0 on imagenet/val (Table 3)",
    "resnext50_4x24d": "22.6 on imagenet/val (Table 3)",
    "resnext50_8x14d": "22.3 on imagenet/val (Table 3)",
    "resnext50_32x4d": "22.2 on imagenet/val (Table 3, Sec. 5.1 (residual connections))",
    "resnext101_1x64d": "22.0 on imagenet/val (Tables 3, 4 and 5); 0.70 s a batch",
    "resnext101_32x4d": "21.2 on imagenet/val (Tables 3 and 4); 0.95 s a batch",
    "resnext101_64x4d": "20.4 on imagenet/val (Tables 4 and 5); 1.7 s a batch, ten days",
}


def imagenet(model: str) -> Recipe:
    """Return a recipe; errors are of one crop."""
    return Recipe(
        name=f"{model}.imagenet",
        model=model,
        dataset="imagenet/train",
        preprocessing={"interpolation": "bicubic"},
        epochs=100,
        batch_size=256,
        lr=0.1,
        objective=StreamedImageClassification(Augmentation(color_jitter=0.4, lighting=0.1)),
        optimizer=partial(SGD, momentum=0.9, weight_decay=1e-4, nesterov=True),
        schedule=steps(30 / 100, 60 / 100, 90 / 100),
        source="1611.05431 Sec. 4",
        hardware="eight M40 (Sec. 5.1)",
        expected=f"error {ERRORS[model]}",
    )


resnext50_1x64d, resnext50_2x40d, resnext50_4x24d, resnext50_8x14d, resnext50_32x4d = map(
    imagenet, list(ERRORS)[:5]
)
resnext101_1x64d, resnext101_32x4d, resnext101_64x4d = map(imagenet, list(ERRORS)[5:])
