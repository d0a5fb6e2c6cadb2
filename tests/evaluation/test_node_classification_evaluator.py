"""The evaluator of nodes: errors of test nodes alone, one pass, graphs that do not fit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from zoo.data.graphs import Graph
from zoo.evaluation import tasks
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.engine import evaluate
from zoo.papers.protocols import GraphProtocol

TASK = tasks.TASKS["node-classification"]
PLAIN = GraphProtocol(normalized=False, self_loops=False)


class Neighbours(nn.Module):
    """The sum of the features of a node's neighbours."""

    def __init__(self, columns: int = 2, classes: int = 2) -> None:
        super().__init__()
        self.calls = 0
        sizes = {"architecture": "sums", "input_size": (columns,), "classes": classes}
        vars(self)["pretrained_cfg"] = sizes

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        self.calls += 1
        return torch.zeros_like(x).index_add(0, edge_index[1], x[edge_index[0]])


def graph() -> Graph:
    """0 -> 1 -> 2 -> 3; the class of a node is where its predecessor has a 1, but for node 3."""
    return Graph(
        features=np.array([[1, 0], [0, 1], [1, 0], [0, 1]], np.float32),
        edges=np.array([[0, 1, 2], [1, 2, 3]]),
        labels=np.array([0, 0, 1, 1]),
        train=np.array([0]),
        validation=np.array([], np.int64),
        test=np.array([1, 2, 3]),
        files=(),
    )


def scores(network: Any, protocol: GraphProtocol = PLAIN, **config: Any) -> dict[str, Any]:
    evaluator = TASK.evaluator(network, graph(), protocol, None)  # type: ignore[arg-type]
    return evaluate(evaluator, EvalConfig(**config))


def test_error_is_of_test_nodes_by_one_pass() -> None:
    network = Neighbours()
    result = scores(network, batch_size=1)
    assert (result["scores"]["error"]["count"], result["scores"]["error"]["total"]) == (1, 3)
    assert network.calls == 1


def test_self_loops_reach_the_network() -> None:
    result = scores(Neighbours(), GraphProtocol(normalized=False, self_loops=True))
    assert result["scores"]["error"]["count"] == 2  # ties, and the first class is chosen


@pytest.mark.parametrize("network", [Neighbours(columns=3), Neighbours(classes=1)])
def test_other_sizes_raise(network: Neighbours) -> None:
    problem = r"sums takes \d features for \d classes; the graph has 2 for 2"
    with pytest.raises(ValueError, match=problem):
        scores(network)


def test_output_that_is_not_finite_names_node() -> None:
    network = Neighbours()
    network.register_forward_hook(lambda module, args, y: y / y[:, :1])
    with pytest.raises(ValueError, match="node 2: the network's output is not finite"):
        scores(network)


def test_card_texts_say_what_is_made_of_a_graph() -> None:
    first, second = TASK.preprocessing({"input_size": (1433,), "classes": 7})
    assert first.startswith("A graph whose nodes have 1,433 features: features divided by their")
    assert second == "7 classes."
    assert TASK.describe_protocol({"normalized": False, "self_loops": False}).count("stored") == 2


def test_contents_are_those_of_the_files(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("x")
    whole = Graph(**{**vars(graph()), "files": (file,)})
    evaluator = TASK.evaluator(Neighbours(), whole, PLAIN, None)  # type: ignore[arg-type]
    before = evaluator.contents()
    file.write_text("y")
    assert before != evaluator.contents() != ""
