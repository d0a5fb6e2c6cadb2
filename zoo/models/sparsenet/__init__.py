"""SparseNet (1801.05895): sparsenet<depth>_k<growth>, with bottlenecks for CIFAR _bc<depth>.

sparsenet121 .. 264 are pytorchcv's, twice as wide at first and with one mean for each channel.
"""

from functools import partial

from zoo.models._cfgs import CIFAR_CFG, IMAGENET_CFG
from zoo.models._registry import register_models

register = partial(register_models, task="image-classification")
MODULE = "zoo.models.sparsenet.model"
CIFAR_100 = CIFAR_CFG | {"num_classes": 100}

register(
    f"{MODULE}:CifarSparseNet",
    {
        "sparsenet40_k24": {"depth": 40, "growth": (24, 24, 24)},
        "sparsenet100_k36": {"depth": 100, "growth": (36, 36, 36)},
        "sparsenet100_k16_32_64": {"depth": 100, "growth": (16, 32, 64)},
    },
    CIFAR_100,
)
register(
    f"{MODULE}:CifarSparseNetBC",
    {
        "sparsenet_bc100_k24": {"depth": 100, "growth": (24, 24, 24)},
        "sparsenet_bc100_k16_32_64": {"depth": 100, "growth": (16, 32, 64)},
        "sparsenet_bc100_k32_64_128": {"depth": 100, "growth": (32, 64, 128)},
    },
    CIFAR_100,
)
register(
    f"{MODULE}:SparseNet",
    {f"sparsenet{depth}": {"depth": depth} for depth in (121, 169, 201, 264)}
    | {"sparsenet161": {"depth": 161, "growth": 48}},
    IMAGENET_CFG,
)
register(
    f"{MODULE}:NarrowSparseNet",
    {
        f"sparsenet{depth}_k{growth}": {"depth": depth, "growth": growth}
        for depth, growth in ((121, 32), (169, 32), (201, 32), (201, 48))
    },
    IMAGENET_CFG | {"pool_size": (1, 1)},
)
