"""Residual reservoir memory networks (2508.09925). Names stand for the kind of skip.

Sizes are those of Adiac: 176 steps, 37 classes. Every data set needs its own `classes`, and scales
of its own: hyperparameters.json.
"""

from zoo.models._cfgs import time_series_cfg
from zoo.models._registry import register_models

register_models(
    "zoo.models.resrmn.model:ResRMN",
    {
        "resrmn_r": {"skip": "random"},
        "resrmn_c": {"skip": "cycle"},
        "resrmn_i": {"skip": "identity"},
    },
    time_series_cfg(176, classes=37),
    task="time-series-classification",
)
