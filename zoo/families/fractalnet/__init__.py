"""FractalNet (1605.07648): fractalnet<depth>, five blocks of 3 or 4 columns for CIFAR."""

from zoo.inputs import CIFAR
from zoo.registry import register

for columns in (3, 4):
    deepest = "first." * (columns - 1)  # of all columns, which see the image each
    register(
        "zoo.families.fractalnet.model:FractalNet",
        {f"fractalnet{5 * 2 ** (columns - 1)}": {"columns": columns}},
        CIFAR | {"pool_size": (2, 2), "first_conv": f"block1.fractal.{deepest}conv.conv"},
    )
