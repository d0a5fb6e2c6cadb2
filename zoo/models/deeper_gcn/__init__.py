"""DeeperGCN (2006.07739): the node classifiers of its authors' code, and three to try on Cora.

The names that end in cora are ResGCN+, ResGCN and PlainGCN of its ablation, for another graph.
"""

from typing import Any

from zoo.models._cfgs import graph_cfg
from zoo.models._registry import register_models

TARGET = "zoo.models.deeper_gcn.model:DeeperGCN"
RESGEN: dict[str, Any] = {"scale": 0.1, "mlp_layers": 1}
SIZES = {  # columns, classes, layers
    "deepergcn_28_arxiv": (128, 40, 28),
    "deepergcn_14_products": (100, 47, 14),
}
for name, (columns, classes, layers) in SIZES.items():
    args = {"columns": columns, "classes": classes, "layers": layers, "conv": RESGEN}
    register_models(TARGET, {name: args}, graph_cfg(columns, classes), task="node-classification")

register_models(
    "zoo.models.deeper_gcn.proteins:ProteinGCN",
    {"deepergcn_112_proteins": {}},
    graph_cfg(16, 112),
    task="node-classification",
)

CORA = {
    "columns": 1433,
    "classes": 7,
    "width": 64,
    "conv": {"aggregation": "mean", "norm": "layer"},
    "drop_rate": 0.0,
}
register_models(
    TARGET,
    {
        "resgcnplus_28_cora": CORA,
        "resgcn_28_cora": CORA | {"block": "res"},
        "plaingcn_28_cora": CORA | {"block": "plain"},
    },
    graph_cfg(1433, 7),
    task="node-classification",
)
