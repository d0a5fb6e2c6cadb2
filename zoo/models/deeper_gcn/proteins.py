"""The network of ogbn-proteins, by the authors' code of 2006.07739."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from zoo.models.deeper_gcn.model import DeeperGCN


class ProteinGCN(DeeperGCN):
    """The network of ogbn-proteins: eight features of a node and of an edge, and the species.

    The species, the last eight of 16 columns, of which one is 1, have a linear layer of their own.

    Args:
        classes: Number of classes.
        layers: Graph convolutions.
        width: Channels of each.
        conv: Options of the convolutions; by default softmax with a learned t, and LayerNorm.
        drop_rate: Dropout after each activation.

    Example:
        >>> ProteinGCN(layers=3, width=8).species
        Linear(in_features=8, out_features=8, bias=True)
    """

    def __init__(
        self,
        *,
        classes: int = 112,
        layers: int = 112,
        width: int = 64,
        conv: Mapping[str, Any] | None = None,
        drop_rate: float = 0.1,
    ) -> None:
        super().__init__(
            columns=16,
            classes=classes,
            layers=layers,
            width=width,
            conv=conv or {"learned": True, "norm": "layer"},
            edge_columns=8,
            drop_rate=drop_rate,
        )
        self.species = nn.Linear(8, 8)

    def encode(self, x: Tensor) -> Tensor:
        """Features, and what the species become."""
        return torch.cat((x[:, :-8], self.species(x[:, -8:])), 1)
