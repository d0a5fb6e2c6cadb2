"""FractalNet (1605.07648): fractalnet<depth>, five blocks of 3 or 4 columns for CIFAR."""

from zoo.models._cfgs import CIFAR_CFG
from zoo.models._registry import register_models

for columns in (3, 4):
    deepest = "first." * (columns - 1)  # of all columns, which see the image each
    register_models(
        "zoo.models.fractalnet.model:FractalNet",
        {f"fractalnet{5 * 2 ** (columns - 1)}": {"columns": columns}},
        CIFAR_CFG | {"pool_size": (1, 1), "first_conv": f"block1.fractal.{deepest}conv.conv"},
        task="image-classification",
    )

register_models(
    "zoo.models.fractalnet.model:WidenedFractalNet",
    {"fractalnet20_widened": {}},
    CIFAR_CFG | {"pool_size": (1, 1), "first_conv": "block1.widen"},
    task="image-classification",
)
