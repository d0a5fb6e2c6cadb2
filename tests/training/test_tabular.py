"""Folds fitted by the authors' hyperparameters: printed numbers of the table that comes along."""

from typing import Any

import pytest
import torch

from configs.tabular import RECIPES
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.tabular import split_folds, table_entries
from zoo.training.tabular import (
    TabularRecipe,
    fit,
    fit_folds,
    predicted,
    recipe_of,
    score,
    search,
)


def test_recipes_have_five_folds_of_every_table() -> None:
    for name, (recipe, *others) in RECIPES.items():
        assert recipe.name == f"{name}.openml"
        assert [other.name for other in others] in ([], [f"{name}.rings"])
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
    with pytest.raises(LookupError, match="no hyperparameters of rfnn_iid for concentric_rings"):
        recipe_of("rfnn_iid", "concentric_rings")


@pytest.mark.parametrize(
    ("model", "values", "accuracy"),
    [
        ("rfrboost_gradient", {"l2_head": 1e-3}, 0.985),
        ("rfnn", {"l2_head": 1e-3}, 0.715),
        ("mlp_resnet", {"lr": 1e-2}, 0.422),
    ],
)
def test_fit_to_rings_scores_as_the_authors_code(
    model: str, values: dict[str, float], accuracy: float
) -> None:
    """The accuracies are of their classes, on a CPU, with the same seed and rows."""
    table: Any = BENCHMARKS["tabular/concentric_rings"].open()
    train, test = table.folds[3]
    x, y = torch.from_numpy(table.x), torch.from_numpy(table.y)
    recipe = recipe_of(model, "concentric_rings")
    settings = {**recipe.folds["concentric_rings"][3], **values}
    network = fit(model, x[train[:1500]], y[train[:1500]], settings, False)
    error = score(network.eval(), x[test[:1000]], y[test[:1000]], False)
    assert error == pytest.approx(100 * (1 - accuracy), abs=0.21)


def table_of_a_curve() -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.linspace(-1, 1, 100)[:, None]
    return x, (x.sin() > 0).float()


def test_search_takes_the_best_of_a_grid_and_the_first_of_equals() -> None:
    x, y = table_of_a_curve()
    recipe = TabularRecipe(name="rfnn.test", model="rfnn", folds={})
    settings: dict[str, Any] = {"width": 20, "scale": 1.0, "seed": 1}
    assert search(recipe, x, y, {**settings, "l2_head": 1e-3}, False) == {}
    chosen = search(recipe, x, y, {**settings, "l2_head": [1e3, 1e-4]}, False)
    assert chosen == {"l2_head": 1e-4}
    chosen = search(recipe, x, y, {**settings, "l2_head": [1e-4, 1e-4], "width": [20, 20]}, False)
    assert chosen == {"l2_head": 1e-4, "width": 20}


def test_seed_of_a_recipe_is_that_of_its_network() -> None:
    x, y = table_of_a_curve()
    settings = {"width": 8, "l2_head": 1e-2, "scale": 1.0}
    same = [fit("rfnn", x, y, {**settings, **seed}, False)(x) for seed in ({}, {"seed": 42})]
    assert torch.equal(*same)
    assert not torch.equal(same[0], fit("rfnn", x, y, {**settings, "seed": 1}, False)(x))
