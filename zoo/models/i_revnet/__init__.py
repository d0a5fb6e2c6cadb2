"""i-RevNet (1802.07088): irevnet<layers>, three to a block; 163 is the one for CIFAR."""

from functools import partial

from zoo.models._cfgs import CIFAR_CFG, IMAGENET_CFG
from zoo.models._registry import register_models

register = partial(register_models, task="image-classification")
MODULE = "zoo.models.i_revnet.model"
NO_STEM = {"first_conv": ""}  # none sees an image as it is

register(f"{MODULE}:IRevNet", {"irevnet301": {"blocks": (6, 16, 72, 6)}}, IMAGENET_CFG | NO_STEM)
register(
    f"{MODULE}:CifarIRevNet",
    {"irevnet163": {"blocks": (18, 18, 18)}},
    CIFAR_CFG
    | NO_STEM
    | {"mean": (0.4914, 0.4822, 0.4465), "std": (0.2023, 0.1994, 0.2010)},  # the authors'
)
