"""Node classification: error on the test nodes of a graph, of which the network sees the whole.

graph -> network, once -> (index of a test node, its class by the network, its class)
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from zoo.data.graphs import Graph
from zoo.evaluation.answer_log import Prediction
from zoo.evaluation.engine import Batch, Predictions
from zoo.evaluation.evaluators.classification import error_rate
from zoo.evaluation.evaluators.network import NetworkEvaluator
from zoo.evaluation.samples import NonFiniteOutputError
from zoo.models._builder import pretrained_cfg
from zoo.papers.protocols import GraphProtocol


class NodeEvaluator(NetworkEvaluator):
    """A network of nodes on the test nodes of a graph.

    Raises ValueError for other features than the network's, or more classes.
    """

    batch_size = 1000

    def __init__(self, network: nn.Module, graph: Graph, protocol: GraphProtocol) -> None:
        cfg, columns = pretrained_cfg(network), graph.features.shape[1]
        classes = int(graph.labels.max()) + 1
        if (columns,) != tuple(cfg["input_size"]) or classes > cfg["classes"]:
            raise ValueError(
                f"{cfg['architecture']} takes {cfg['input_size'][0]:,} features for "
                f"{cfg['classes']} classes; the graph has {columns:,} for {classes}"
            )
        self.network, self.samples, self.size = network, graph, len(graph)
        self.inputs = [torch.from_numpy(part) for part in graph.inputs(protocol)]
        self.logits: Tensor | None = None

    def load(self, index: int) -> tuple[int, int]:
        """Return the number of a test node, and its class."""
        return self.samples[index]

    def predict(self, batch: Batch) -> Iterator[Prediction]:
        if self.logits is None:
            with self.autocast:
                self.logits = self.network(*(part.to(self.device) for part in self.inputs))
        for index, (node, label) in batch:
            logits = self.logits[node]
            if not logits.isfinite().all():
                raise NonFiniteOutputError(f"node {node}")
            yield index, int(logits.argmax()), label

    def compute(self, predictions: Predictions) -> dict[str, Any]:
        wrong = sum(predicted != label for predicted, label in predictions.values())
        scores = {"error": error_rate(wrong, len(predictions))}
        return {"samples": len(predictions), "scores": scores, "parts": {}}
