"""Training on a whole graph: targets of the training nodes alone, shards, a run of the loop."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from configs.node_classification import NETWORKS, cora
from tests.support.graphs import SIZES, write_graph
from zoo.claims.retraining import score
from zoo.training import Trainer, train
from zoo.training.node_classification import NONE, NodeClassification, WholeGraph
from zoo.training.objective import Shard


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of data with the made-up graph."""
    folder = tmp_path_factory.mktemp("data")
    write_graph(folder)
    return folder


def whole_graph(data: Path) -> WholeGraph:
    return NodeClassification().load("planetoid/cora", 1, {}, data)


def test_targets_are_of_training_nodes_alone(data: Path) -> None:
    ((inputs, targets),) = whole_graph(data).batches(torch.Generator())
    assert [tuple(part.shape) for part in inputs] == [(2708, 1433), (2, 4 * 2708 + 2708)]
    assert torch.equal(targets[: SIZES.train], torch.arange(SIZES.train) % SIZES.classes)
    assert (targets[SIZES.train :] == NONE).all()
    assert not list(whole_graph(data).batches(torch.Generator(), 1))


def test_shards_share_the_training_nodes(data: Path) -> None:
    graph = whole_graph(data)
    shards = [next(iter(graph.batches(torch.Generator(), 0, Shard(rank, 3)))) for rank in range(3)]
    counts = torch.stack([targets != NONE for _, targets in shards]).sum(0)
    assert counts[: SIZES.train].tolist() == [1] * SIZES.train
    assert not counts[SIZES.train :].any()


def test_loss_and_metric_leave_other_nodes_out() -> None:
    output = torch.tensor([[2.0, 0.0], [0.0, 9.0], [0.0, 9.0]])
    target = torch.tensor([0, 0, NONE])
    objective = NodeClassification()
    expected = torch.nn.functional.cross_entropy(output[:2], target[:2])
    assert torch.equal(objective.loss(output, target), expected)
    assert objective.metric_sum(output, target) == pytest.approx(50 * 3)  # over all three nodes


def test_recipes_of_the_trial_differ_in_the_network_alone() -> None:
    recipes = [vars(cora(name)) | {"name": "", "model": "", "schedule": ""} for name in NETWORKS]
    assert all(recipe == recipes[0] for recipe in recipes)


def test_network_learns_graph_and_is_scored(data: Path, tmp_path: Path) -> None:
    recipe = replace(cora(NETWORKS[0]), epochs=12, lr=0.02, args={"layers": 2, "width": 32})
    run = train(recipe, seed=0, out=tmp_path, data=data, quiet=True)
    assert run.history[-1]["error"] < 20
    assert len(run.history) == 12
    assert score(run, "planetoid/cora", data)["planetoid/cora"]["error"]["value"] < 30


def test_parts_of_a_graph_are_refused(data: Path, tmp_path: Path) -> None:
    recipe = replace(cora(NETWORKS[0]), accumulate=2, args={"layers": 1, "width": 4})
    run = Trainer(recipe, seed=0, out=tmp_path, data=data)
    with pytest.raises(ValueError, match="a graph has no parts: accumulate is 1, not 2"):
        run.train_epoch(0, lambda loss: None)
