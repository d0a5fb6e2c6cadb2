"""ResMLP (2105.03404): the networks of Tables 3 and D.3 on patches of 16 and 8 pixels."""

from functools import partial

from zoo.models._cfgs import IMAGENET_CFG
from zoo.models._registry import register_models

CFG = IMAGENET_CFG | {
    "fixed_input_size": True,
    "pool_size": (14, 14),
    "crop_pct": 0.9,
    "interpolation": "bicubic",
    "first_conv": "stem.proj",
    "classifier": "head",
}
register = partial(register_models, "zoo.models.resmlp.model:ResMLP", task="image-classification")
register(
    {
        "resmlp_12_224": {"size": "S12"},
        "resmlp_24_224": {"size": "S24"},
        "resmlp_36_224": {"size": "S36"},
        "resmlp_b24_16": {"size": "B24"},
    },
    CFG,
)
register({"resmlp_big_24_224": {"size": "B24/8"}}, CFG | {"pool_size": (28, 28)})
