"""DC-Bi-LSTM (1802.00889): the paper's depths, and stacked Bi-LSTMs of no more parameters.

A name ends in the number of layers before the last one. Sizes are those of pep_sections: every data
set needs its own `classes`.
"""

from zoo.models._cfgs import sentence_cfg
from zoo.models._registry import register_models

DENSE = {5: 40, 10: 20, 15: 13, 20: 10}  # layers -> units of each
STACKED = {5: 96, 15: 59}  # all layers have these, the last one too
register_models(
    "zoo.models.dc_bi_lstm.model:DCBiLSTM",
    {
        "bi_lstm": {"layers": 0, "last_width": 300},
        **{f"dc_bi_lstm_{n}": {"layers": n, "width": width} for n, width in DENSE.items()},
        **{
            f"stacked_bi_lstm_{n}": {
                "layers": n,
                "width": width,
                "last_width": width,
                "dense": False,
            }
            for n, width in STACKED.items()
        },
    },
    sentence_cfg(10_001, classes=4),
    task="sentence-classification",
)
