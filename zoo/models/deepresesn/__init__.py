"""Deep residual echo state networks (2508.21172), and the leaky ones that they are compared with.

Names stand for the kind of skip. Layers, units and scales are of each task: hyperparameters.json.
"""

from zoo.models._cfgs import sequence_cfg
from zoo.models._registry import register_models

LEAKY = {"first": {"alpha": 0.5, "beta": 0.5}}  # any two whose sum is 1

register_models(
    "zoo.models.deepresesn.model:DeepResESN",
    {
        "deepresesn_r": {"skip": "random"},
        "deepresesn_c": {"skip": "cycle"},
        "deepresesn_i": {"skip": "identity"},
        "deep_esn": {"skip": "identity"} | LEAKY,
        "leaky_esn": {"skip": "identity", "layers": 1} | LEAKY,
    },
    sequence_cfg(1),
    task="sequence-regression",
)
