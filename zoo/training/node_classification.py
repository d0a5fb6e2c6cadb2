"""Classification of nodes: one step an epoch, on the whole graph and the nodes to train on.

(features, edges) -> network -> logits of all nodes -> cross-entropy of those that have a target
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from zoo.data.benchmarks import BENCHMARKS
from zoo.data.graphs import Graph
from zoo.papers.protocols import GraphProtocol
from zoo.training.objective import WHOLE, Inputs, Shard, TrainingData

NONE = -100  # the target of a node that is not trained on, as cross_entropy has it


@dataclass(frozen=True)
class NodeClassification:
    """Cross-entropy of the nodes to train on; the metric is their error in percent."""

    protocol: GraphProtocol = field(default_factory=GraphProtocol)
    metric = "error"

    def load(
        self, dataset: str, batch_size: int, cfg: Mapping[str, Any], data: Path | None
    ) -> "WholeGraph":
        graph: Any = BENCHMARKS[dataset].open(data)
        return WholeGraph(graph, self.protocol)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(output, target, ignore_index=NONE)

    def metric_sum(self, output: Tensor, target: Tensor) -> float:
        trained = target != NONE
        wrong = output.argmax(1)[trained] != target[trained]
        return 100 * wrong.float().mean().item() * len(target)


class WholeGraph(TrainingData):
    """The whole graph in each step; a shard has every node, and targets of its part of them."""

    steps = 1
    checkpoint_seconds = 30.0  # an epoch takes less than a second

    def __init__(self, graph: Graph, protocol: GraphProtocol) -> None:
        features, edges = graph.inputs(protocol)
        self.inputs = torch.from_numpy(features), torch.from_numpy(edges)
        self.labels, self.nodes = torch.from_numpy(graph.labels), torch.from_numpy(graph.train)

    def to(self, device: torch.device) -> None:
        features, edges = self.inputs
        self.inputs, self.labels = (features.to(device), edges.to(device)), self.labels.to(device)

    def batches(
        self, generator: torch.Generator, start: int = 0, shard: Shard = WHOLE
    ) -> Iterator[tuple[Inputs, Tensor]]:
        targets = torch.full_like(self.labels, NONE)
        nodes = self.nodes[shard.rank :: shard.size]
        targets[nodes] = self.labels[nodes]
        if not start:
            yield self.inputs, targets
