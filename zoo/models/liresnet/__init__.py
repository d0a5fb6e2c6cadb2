"""LiResNet (2301.12549): liresnet_l<depth>w<width>, and the sizes that a CPU has time for."""

from functools import partial

from zoo.models._cfgs import CIFAR_CFG
from zoo.models._registry import register_models

CFG = CIFAR_CFG | {  # pixels less 0.5: distances are those of pixels in 0..1
    "fixed_input_size": True,
    "pool_size": (1, 1),
    "mean": (0.5, 0.5, 0.5),
    "std": (1.0, 1.0, 1.0),
    "first_conv": "conv1",
    "classifier": "fc",
}
IMAGENET = CFG | {"input_size": (3, 224, 224), "num_classes": 1000, "crop_pct": 0.875}
register = partial(
    register_models, "zoo.models.liresnet.model:LiResNet", task="image-classification"
)
register(
    {
        "liresnet_l18w256": {"layers": 18, "width": 256},
        "liresnet_l6w32": {"layers": 6, "width": 32},  # not the paper's
    },
    CFG,
)
register(
    {
        f"liresnet_l{layers}w588": {
            "layers": layers,
            "width": 588,
            "img_size": 224,
            "num_classes": 1000,
        }
        for layers in (12, 18)
    },
    IMAGENET,
)
register_models(
    "zoo.models.liresnet.model:BasicLiResNet",
    {"liresnet_basic_l6w32": {"layers": 6, "width": 32}},  # not the paper's
    CFG,
    task="image-classification",
)
