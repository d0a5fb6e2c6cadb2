"""The ImageNet networks of 1904.01169, by its Sec. 4.1.

It names the augmentation of ResNet and of Inception-v3; main.py of the authors' training code has
crops of scale and ratio and mirrors, and no change of colours, as here.
"""

from functools import partial

from torch.optim import SGD

from zoo.training import Recipe, steps
from zoo.training.image_streaming import StreamedImageClassification

ERRORS = {
    "res2net50_26w_4s": "22.01 on imagenet/val (Tables 1 and 3)",
    "res2net50_48w_2s": "22.68 on imagenet/val (Table 3)",
    "res2net50_14w_8s": "21.86 on imagenet/val (Table 3)",
    "res2net50_26w_6s": "21.42 on imagenet/val (Table 3)",
    "res2net50_26w_8s": "20.80 on imagenet/val (Table 3)",
    "res2net50_18w_4s": "22.92 on imagenet/val (Table 3)",
    "res2net101_26w_4s": "20.81 on imagenet/val (Table 2)",
    "res2next50": "21.76 on imagenet/val (Table 1)",
    "dla60_res2net": "21.53 on imagenet/val (Table 1)",
    "dla60_res2next": "21.55 on imagenet/val (Table 1)",
}


def imagenet(model: str) -> Recipe:
    """Return a recipe; errors are of one crop."""
    return Recipe(
        name=f"{model}.imagenet",
        model=model,
        dataset="imagenet/train",
        epochs=100,
        batch_size=256,
        lr=0.1,
        objective=StreamedImageClassification(),
        optimizer=partial(SGD, momentum=0.9, weight_decay=1e-4),
        schedule=steps(30 / 100, 60 / 100, 90 / 100),
        source="1904.01169 Sec. 4.1",
        hardware="four Titan Xp",
        expected=f"error {ERRORS[model]}",
    )


res2net50_26w_4s, res2net50_48w_2s, res2net50_14w_8s = map(imagenet, list(ERRORS)[:3])
res2net50_26w_6s, res2net50_26w_8s, res2net50_18w_4s = map(imagenet, list(ERRORS)[3:6])
res2net101_26w_4s, res2next50, dla60_res2net, dla60_res2next = map(imagenet, list(ERRORS)[6:])
