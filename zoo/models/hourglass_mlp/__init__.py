"""Hourglass MLPs (2510.01796), and conventional ones: <kind>_mlp_<d_z>x<d_h>x<blocks>.

Sizes are those of the commands for MNIST in the README of the authors' code.
"""

from zoo.models._cfgs import CIFAR_CFG
from zoo.models._registry import register_models

HOURGLASS = ("1150x784x2", "785x115x4", "1150x115x10")
CONVENTIONAL = ("784x1150x1", "784x1150x2")
register_models(
    "zoo.models.hourglass_mlp.model:HourglassMLP",
    {f"hourglass_mlp_{shape}": {"shape": shape} for shape in HOURGLASS}
    | {f"conventional_mlp_{shape}": {"shape": shape} for shape in CONVENTIONAL},
    CIFAR_CFG
    | {
        "input_size": (1, 28, 28),
        "fixed_input_size": True,
        "pool_size": (1, 1),
        "mean": (0.0,),
        "std": (1.0,),
        "first_conv": "stem.proj",
    },
    task="image-classification",
)
