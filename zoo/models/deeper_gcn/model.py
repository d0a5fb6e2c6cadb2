"""DeeperGCN (Li et al., 2020, 2006.07739): graph convolutions in residual blocks.

res+   h -> norm -> ReLU -> dropout -> GENConv -> + h     (Sec. 3; before the first, nothing)
res    h -> GENConv -> norm -> ReLU -> + h -> dropout
plain  h -> GENConv -> norm -> ReLU -> dropout
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from zoo.models.deeper_gcn.convolution import NORMS, Convolution, GENConv

BLOCKS = ("res+", "res", "plain")


class DeeperGCN(nn.Module):
    """A classifier of the nodes of a graph.

    Args:
        columns: Features of a node.
        classes: Number of classes.
        layers: Graph convolutions.
        width: Channels of each.
        block: "res+", "res" or "plain".
        conv: Options of the convolutions, see Convolution.
        edge_columns: Features of an edge.
        drop_rate: Dropout after each activation.

    Raises:
        ValueError: An option is unknown, or a number is less than 1.

    Example:
        >>> network = DeeperGCN(columns=5, classes=3, layers=4, width=8).eval()
        >>> edge_index = torch.tensor([[0, 1, 2], [1, 2, 0]])  # from the first row to the second
        >>> network(torch.rand(3, 5), edge_index).shape
        torch.Size([3, 3])
    """

    beside = ("edge_encoder", "species")

    def __init__(
        self,
        *,
        columns: int,
        classes: int,
        layers: int = 28,
        width: int = 128,
        block: str = "res+",
        conv: Mapping[str, Any] | None = None,
        edge_columns: int = 0,
        drop_rate: float = 0.5,
    ) -> None:
        if block not in BLOCKS:
            raise ValueError(f"block is one of {', '.join(BLOCKS)}, not {block!r}")
        if min(columns, classes, layers, width) < 1:
            raise ValueError("columns, classes, layers and width are 1 or more")
        options = Convolution(**(conv or {}), edges=edge_columns > 0)
        super().__init__()
        self.columns, self.classes, self.block = columns, classes, block
        self.encoder = nn.Linear(columns, width)
        self.edge_encoder = nn.Linear(edge_columns, width) if edge_columns else None
        self.convs = nn.ModuleList(GENConv(width, options) for _ in range(layers))
        self.norms = nn.ModuleList(NORMS[options.norm](width) for _ in range(layers))
        self.dropout = nn.Dropout(drop_rate)
        self.head = nn.Linear(width, classes)

    @property
    def sizes(self) -> dict[str, Any]:
        """Entries of pretrained_cfg that follow from the arguments."""
        return {"input_size": (self.columns,), "classes": self.classes}

    def forward(
        self, x: Tensor, edge_index: Tensor | None = None, edge_attr: Tensor | None = None
    ) -> Tensor:
        """Return logits: (N, columns) -> (N, classes).

        Args:
            x: Features of the nodes.
            edge_index: Edges (2, E), from nodes of the first row to those of the second; by
                default each node has itself alone for a neighbour.
            edge_attr: Features of the edges (E, edge_columns); by default zeros.
        """
        if edge_index is None:
            edge_index = torch.arange(x.shape[0], device=x.device).expand(2, -1)
        edges = None
        if self.edge_encoder is not None:
            if edge_attr is None:
                edge_attr = x.new_zeros(edge_index.shape[1], self.edge_encoder.in_features)
            edges = self.edge_encoder(edge_attr)
        h = self.encoder(self.encode(x))
        blocks = self.pre_activated if self.block == "res+" else self.post_activated
        logits: Tensor = self.head(blocks(h, edge_index, edges))
        return logits

    def encode(self, x: Tensor) -> Tensor:
        """What the encoder gets of the features."""
        return x

    def activate(self, h: Tensor, layer: int) -> Tensor:
        """Norm and ReLU of a layer."""
        return self.norms[layer](h).relu()

    def pre_activated(self, h: Tensor, edge_index: Tensor, edges: Tensor | None) -> Tensor:
        """Blocks of res+, then the last norm, ReLU and dropout."""
        h = self.convs[0](h, edge_index, edges)
        for layer in range(1, len(self.convs)):
            y = self.dropout(self.activate(h, layer - 1))
            h = h + self.convs[layer](y, edge_index, edges)
        return self.dropout(self.activate(h, len(self.convs) - 1))

    def post_activated(self, h: Tensor, edge_index: Tensor, edges: Tensor | None) -> Tensor:
        """Blocks of res or plain; the first has no shortcut in either."""
        for layer, conv in enumerate(self.convs):
            y = self.activate(conv(h, edge_index, edges), layer)
            h = self.dropout(y + h if layer and self.block == "res" else y)
        return h
