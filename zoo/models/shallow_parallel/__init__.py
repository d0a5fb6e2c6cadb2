"""Make Deep Networks Shallow Again (2309.08414): convolutions in sequence, and in parallel.

A name ends in the number of convolutions, of 16 filters; sizes are those of MNIST.
"""

from zoo.models._cfgs import CIFAR_CFG
from zoo.models._registry import register_models

register_models(
    "zoo.models.shallow_parallel.model:ShallowParallel",
    {
        f"shallow_{layout}_{layers}": {"layout": layout, "layers": layers}
        for layout in ("parallel", "sequential")
        for layers in (2, 4, 8)
    },
    CIFAR_CFG | {"input_size": (1, 28, 28), "pool_size": (28, 28), "mean": (0.0,), "std": (1.0,)},
    task="image-classification",
)
