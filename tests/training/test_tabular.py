"""Folds fitted by the authors' hyperparameters: printed numbers of the table that comes along."""

from typing import Any

import pytest
import torch

from configs.tabular import RECIPES
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.tabular import split_folds, table_entries
from zoo.training.tabular import fit, fit_folds, predicted, recipe_of, score


def test_recipes_have_five_folds_of_every_table() -> None:
    for name, recipe in RECIPES.items():
        assert recipe.name == f"{name}.openml"
        steps = name in ("rfrboost_dense", "rfrboost_diagonal", "rfrboost_scalar")
        tables = {n for n, entry in table_entries().items() if not (steps and entry.classes)}
        assert set(recipe.folds) == tables
        assert {len(folds) for folds in recipe.folds.values()} == {5}


@pytest.mark.parametrize(
    ("model", "logged"),
    [
        ("rfnn", [0.94736844, 0.97368419, 0.98245615, 0.98245615, 0.98230088]),
        ("tabular_linear", [0.97368419, 0.98245615, 0.98245615, 0.97368419, 0.97345132]),
    ],
)
def test_folds_of_wdbc_equal_the_authors_log(model: str, logged: list[float]) -> None:
    table: Any = BENCHMARKS["tabular/wdbc"].open()
    folds = fit_folds(recipe_of(model), "wdbc", table, is_regression=False)
    assert [1 - fold.score / 100 for fold in folds] == pytest.approx(logged, abs=1e-6)


def test_fit_leaves_the_generator_as_it_was() -> None:
    table: Any = BENCHMARKS["tabular/wdbc"].open()
    train, _ = next(split_folds(len(table)))
    x, y = torch.from_numpy(table.x[train]), torch.from_numpy(table.y[train])
    before = torch.get_rng_state()
    fit("rfnn", x[:50], y[:50], {"width": 8, "l2_head": 1e-2, "scale": 1.0}, False)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("outputs", [1, 3])
def test_end_to_end_training_learns_classes(outputs: int) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(96, 4, generator=generator)
    y = (x[:, :outputs] > 0).float() if outputs == 1 else torch.eye(3)[x[:, :3].argmax(1)]
    settings = {"lr": 0.01, "lr_end": 0.1, "epochs": 8, "batch_size": 32, "weight_decay": 1e-5}
    network = fit("mlp_resnet", x, y, {"width": 16, "blocks": 1, **settings}, False)
    assert network.training  # as the authors score it
    assert score(network, x, y, False) < 15


def test_score_of_numbers_is_the_rmse() -> None:
    network, x = torch.nn.Identity(), torch.tensor([[1.0], [2.0]])
    assert score(network, x, torch.tensor([[1.0], [4.0]]), True) == pytest.approx(2**0.5)
    assert predicted(torch.tensor([[0.0, 2.0], [3.0, 1.0]])).tolist() == [1, 0]


def test_network_without_hyperparameters_has_no_recipe() -> None:
    with pytest.raises(LookupError, match="resnet has hyperparameters of no network, not of resn"):
        recipe_of("resnet20")
