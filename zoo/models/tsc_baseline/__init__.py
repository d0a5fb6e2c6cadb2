"""MLP, FCN and ResNet for time series (1611.06455).

Sizes are those of Coffee: 286 steps, two classes. Every data set needs its own `classes`, and
for the MLP its own `steps`.
"""

from zoo.models._cfgs import time_series_cfg
from zoo.models._registry import register_models

for name, network in (("mlp", "SeriesMLP"), ("fcn", "FCN"), ("resnet", "SeriesResNet")):
    register_models(
        f"zoo.models.tsc_baseline.model:{network}",
        {f"tsc_{name}": {}},
        time_series_cfg(286, any_length=name != "mlp"),
        task="time-series-classification",
    )
