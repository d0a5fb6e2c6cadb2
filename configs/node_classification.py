"""28 layers on Cora in each order of the block: a trial on a CPU.

python -m eval.trials configs/node_classification.py --test planetoid/cora --data DIR
"""

from torch.optim import Adam

from zoo.training import Recipe
from zoo.training.node_classification import NodeClassification

NETWORKS = ("resgcnplus_28_cora", "resgcn_28_cora", "plaingcn_28_cora")


def cora(model: str) -> Recipe:
    """Return the recipe of a network: that of the authors' ablation on ogbn-proteins, shortened."""
    return Recipe(
        name=f"{model}.zoo_planetoid100",
        model=model,
        dataset="planetoid/cora",
        epochs=100,
        batch_size=1,
        lr=1e-3,
        objective=NodeClassification(),
        optimizer=Adam,
        schedule=lambda share: 1.0,
        source="2006.07739, examples/ogb/ogbn_proteins of its authors' code, shortened to 100 "
        "epochs and a graph at hand",
        hardware="a CPU core",
        expected="a minute",
    )


globals().update({name: cora(name) for name in NETWORKS})
