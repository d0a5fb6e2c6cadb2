"""CycleNet (2409.18479) on ETT's seven hourly series: cyclenet_<backbone>_<look-back>_<horizon>."""

from zoo.models._cfgs import forecasting_cfg
from zoo.models._registry import register_models

LOOK_BACKS, HORIZONS = (96, 336, 720), (96, 192, 336, 720)

for backbone, width in {"linear": 0, "mlp": 512}.items():
    for look_back in LOOK_BACKS:
        for horizon in HORIZONS:
            sizes = {"look_back": look_back, "horizon": horizon}
            register_models(
                "zoo.models.cyclenet.model:CycleNet",
                {f"cyclenet_{backbone}_{look_back}_{horizon}": sizes | {"width": width}},
                forecasting_cfg(look_back, horizon, channels=7, cycle=24),
                task="forecasting",
            )
