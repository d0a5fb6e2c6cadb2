"""N-BEATS (1905.10437) for the horizons of its data sets: nbeats_<kind>_<horizon>.

Kinds are g, generic, and i, interpretable; ensembles have ig, both. A network looks two horizons
back; with `look_back` 3 to 7, as the others of the ensembles do.
"""

from zoo.models._cfgs import forecasting_cfg
from zoo.models._registry import register_models

HORIZONS = (4, 6, 8, 13, 14, 18, 24, 48)
CLASSES = {"g": "GenericNBeats", "i": "InterpretableNBeats"}
KINDS = {"g": ("generic",), "i": ("interpretable",), "ig": ("interpretable", "generic")}

for kind, name in CLASSES.items():
    for horizon in HORIZONS:
        register_models(
            f"zoo.models.nbeats.model:{name}",
            {f"nbeats_{kind}_{horizon}": {"look_back": 2 * horizon, "horizon": horizon}},
            forecasting_cfg(2 * horizon, horizon, channels=1, padded=True),
            task="forecasting",
        )
for kind, kinds in KINDS.items():
    register_models(
        "zoo.models.nbeats.ensemble:NBeatsEnsemble",
        {f"nbeats_{kind}_ensemble": {"kinds": kinds}},
        forecasting_cfg(7 * 48, 48, channels=1, padded=True),
        task="forecasting",
    )
