"""The bijective network of 1802.07088, as its authors' code trains it (ILSVRC_main.py)."""

from functools import partial

from torch.optim import SGD

from zoo.training import Recipe, steps
from zoo.training.image_streaming import Augmentation, StreamedImageClassification

irevnet301 = Recipe(
    name="irevnet301.imagenet",
    model="irevnet301",
    dataset="imagenet/train",
    epochs=128,
    batch_size=256,
    lr=0.1,
    objective=StreamedImageClassification(
        augmentation=Augmentation(color_jitter=(0.87, 0.5, 0.5, 0.2))
    ),
    optimizer=partial(SGD, momentum=0.9, weight_decay=1e-4),
    schedule=steps(32 / 128, 64 / 128, 96 / 128),
    source="1802.07088, ILSVRC_main.py of the authors' code",
    hardware="four GPUs, 7 to 10 days (README of the authors' code)",
    expected="error 26.0 on imagenet/val (README of the authors' code)",
)
