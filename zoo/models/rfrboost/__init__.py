"""Random feature representation boosting (2501.18283): its networks and its controls, for tables.

Sizes are those of wdbc's 30 columns; every table needs its own `columns` and `outputs`.
"""

from functools import partial

from zoo.models._cfgs import tabular_cfg
from zoo.models._registry import register_models

TARGET = "zoo.models.rfrboost.model:RFRBoost"
register = partial(register_models, cfg=tabular_cfg(30), task="tabular")

register(
    TARGET,
    {
        "tabular_linear": {},
        "rfnn": {"width": 128},
        "rfnn_iid": {"width": 128, "features": "iid"},
        "rfrboost_gradient": {"layers": 3},
        "rfrboost_gradient_iid": {"layers": 3, "features": "iid"},
        "rfrboost_dense": {"layers": 3, "step": "dense"},
        "rfrboost_diagonal": {"layers": 3, "width": 128, "step": "diagonal"},
        "rfrboost_scalar": {"layers": 3, "width": 128, "step": "scalar"},
    },
)
register("zoo.models.rfrboost.mlp_resnet:MLPResNet", {"mlp_resnet": {}})
