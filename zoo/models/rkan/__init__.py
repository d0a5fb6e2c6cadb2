"""RKAN (2410.05500): ResNets and ResNeXts with a KAN beside the last stage; xL: wider, E: two."""

from functools import partial

from zoo.models._cfgs import CIFAR_CFG, IMAGENET_CFG
from zoo.models._registry import register_models

register = partial(
    register_models, "zoo.models.rkan.model:RKANet", cfg=IMAGENET_CFG, task="image-classification"
)
for depth in (50, 101, 152):
    register(models={f"rkanet{depth}": {"depth": depth}})
for depth in (50, 101):
    register(
        models={f"rkanet{depth}_{n}xl": {"depth": depth, "width_factor": n} for n in (2, 4, 6)}
    )
register(
    models={
        "rkanet101_e": {"depth": 101, "places": (3, 4)},
        "rkanext50_32x4d": {"depth": 50, "block": "32x4d"},
        "rkanext101_32x8d": {"depth": 101, "block": "32x8d"},
        "rkan_wrn101_2": {"depth": 101, "block": "wide"},
    }
)
register_models(  # the zoo's own
    "zoo.models.rkan.cifar:RKANCifarResNet",
    {"rkanet20": {"depth": 20}},
    CIFAR_CFG,
    task="image-classification",
)
