"""GENConv of 2006.07739, Sec. 3: messages of neighbours, aggregated, added, and an MLP."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.models.deeper_gcn.aggregation import PowerMean, Softmax, add, largest, mean

EPSILON = 1e-7  # of a message
NORMS: dict[str, Callable[[int], nn.Module]] = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}
SCALED = {"softmax": Softmax, "power": PowerMean}
PLAIN = {"mean": mean, "max": largest, "add": add}


@dataclass(frozen=True, kw_only=True)
class Convolution:
    """Options of GENConv."""

    aggregation: str = "softmax"  # softmax, power, mean, max or add
    scale: float = 1.0  # t of softmax, p of power
    learned: bool = False  # the scale is a parameter
    message_norm: str = ""  # of MsgNorm: "fixed" for a scale of 1, "learned", "" for none
    mlp_layers: int = 2  # linear layers, the inner ones twice as wide
    norm: str = "batch"  # batch or layer, inside the layers and between blocks
    edges: bool = False  # features of edges are added to those of their first node

    def __post_init__(self) -> None:
        for value, known in (
            (self.aggregation, (*SCALED, *PLAIN)),
            (self.message_norm, ("", "fixed", "learned")),
            (self.norm, NORMS),
        ):
            if value not in known:
                raise ValueError(f"{value!r} is none of {', '.join(filter(None, known))}")
        if self.mlp_layers < 1:
            raise ValueError(f"mlp_layers is 1 or more, not {self.mlp_layers}")


class MsgNorm(nn.Module):
    """Eq. 7: messages m as long as the node's features x, times s: s |x| m / |m|."""

    def __init__(self, *, learned: bool) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1), requires_grad=learned)

    def forward(self, x: Tensor, messages: Tensor) -> Tensor:
        return F.normalize(messages, dim=1) * x.norm(dim=1, keepdim=True) * self.scale


class GENConv(nn.Module):
    """MLP(x + aggregation of ReLU(x_j + e) + 1e-7 over neighbours): (N, C) -> (N, C)."""

    beside = ("edge_encoder",)

    def __init__(self, width: int, options: Convolution) -> None:
        super().__init__()
        name, self.edge_encoder, self.norm = options.aggregation, None, None
        self.aggregate: Callable[[Tensor, Tensor, int], Tensor] = (
            SCALED[name](options.scale, options.learned) if name in SCALED else PLAIN[name]
        )
        if options.edges:
            self.edge_encoder = nn.Linear(width, width)
        if options.message_norm:
            self.norm = MsgNorm(learned=options.message_norm == "learned")
        inner, layers = 2 * width, list[nn.Module]()
        for i in range(options.mlp_layers - 1):
            c_in = inner if i else width
            layers += [nn.Linear(c_in, inner), NORMS[options.norm](inner), nn.ReLU()]
        layers.append(nn.Linear(inner if layers else width, width))
        self.mlp = nn.Sequential(*layers)

    def forward(self, x: Tensor, edge_index: Tensor, edges: Tensor | None) -> Tensor:
        source, target = edge_index
        messages = x[source]
        if self.edge_encoder is not None and edges is not None:
            messages = messages + self.edge_encoder(edges)
        sums = self.aggregate(messages.relu() + EPSILON, target, x.shape[0])
        y: Tensor = self.mlp(x + (sums if self.norm is None else self.norm(x, sums)))
        return y
