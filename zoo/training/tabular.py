"""Networks of tables, fitted fold by fold with the hyperparameters of a paper's authors.

family's hyperparameters.json -> TabularRecipe -> for each fold: seed, network, fit, score

A hyperparameter that is a list is searched: the best of it, by five inner folds of the rows that
are fitted to, is the fold's. A network is fitted by `fit_table` of its family's fitting.py, or, if
its hyperparameters have a learning rate, end to end by Adam.
"""

import importlib
import inspect
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from statistics import fmean
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from zoo._io import read_json
from zoo.data.tabular import SEED, Table, split_folds
from zoo.models._builder import build_model, load_class
from zoo.models._registry import get_entry
from zoo.papers.weights import MODELS_DIR

Hyperparameters = Mapping[str, Any]  # numbers, words and flags; of a grid, lists of them


@dataclass(frozen=True, kw_only=True)
class TabularRecipe:
    """Fits of a network to the folds of tables."""

    name: str  # arch.tag
    model: str  # architecture
    folds: Mapping[str, tuple[Hyperparameters, ...]]  # table -> what is set, by fold
    eval_mode: bool = False  # networks are scored in it, not as training leaves them


@dataclass(frozen=True)
class FoldResult:
    """One fold: the network and its score on the rows that it was not fitted to."""

    network: nn.Module
    score: float  # error in percent, or RMSE of the standardized target
    seconds: float  # of the fit, and of the search before it
    chosen: Hyperparameters  # of what was searched, the best


def recipes_of(model: str) -> list[TabularRecipe]:
    """Return the recipes of a network.

    Raises:
        LookupError: its paper has no hyperparameters of it.

    Example:
        >>> [recipe.name for recipe in recipes_of("rfnn")]
        ['rfnn.openml', 'rfnn.rings']
    """
    paper = get_entry(model).family.rpartition(".")[2]
    path = MODELS_DIR / paper / "hyperparameters.json"
    tables = read_json(path) if path.is_file() else {}
    if model not in tables:
        known = ", ".join(tables) or "no network"
        raise LookupError(f"{paper} has hyperparameters of {known}, not of {model}")
    return [
        TabularRecipe(
            name=f"{model}.{tag}",
            model=model,
            folds={
                name: tuple(dict(zip(entry["fields"], values, strict=True)) for values in rows)
                for name, rows in entry["folds"].items()
            },
            eval_mode=entry.get("eval_mode", False),
        )
        for tag, entry in tables[model].items()
    ]


def recipe_of(model: str, table: str = "wdbc") -> TabularRecipe:
    """Return the recipe by which a network is fitted to a table.

    Raises:
        LookupError: its paper has no hyperparameters of it.

    Example:
        >>> sorted(recipe_of("rfnn").folds["wdbc"][0])
        ['l2_head', 'scale', 'width']
    """
    for recipe in recipes_of(model):
        if table in recipe.folds:
            return recipe
    raise LookupError(f"there are no hyperparameters of {model} for {table}")


def fit_folds(
    recipe: TabularRecipe, name: str, table: Table, *, is_regression: bool
) -> Iterator[FoldResult]:
    """Fit a network to each fold of a table, and score it on the rest.

    Args:
        recipe: the network and its hyperparameters.
        name: of the table, in the recipe.
        table: all of its rows.
        is_regression: the target is a number.

    Yields:
        The result of each fold, as soon as it is there.
    """
    x, y = torch.from_numpy(table.x), torch.from_numpy(table.y)
    for hyperparameters, (train, test) in zip(recipe.folds[name], table.folds, strict=True):
        start = time.perf_counter()
        chosen = search(recipe, x[train], y[train], hyperparameters, is_regression)
        network = fit(
            recipe.model, x[train], y[train], {**hyperparameters, **chosen}, is_regression
        )
        seconds = time.perf_counter() - start
        error = _score(recipe, network, x[test], y[test], is_regression)
        yield FoldResult(network, error, seconds, chosen)


def search(
    recipe: TabularRecipe,
    x: Tensor,
    y: Tensor,
    hyperparameters: Hyperparameters,
    is_regression: bool,
) -> dict[str, Any]:
    """Return, of what is a list, the values of the smallest mean error of five inner folds.

    The first of several that are equal is taken, as scikit-learn's GridSearchCV does.
    """
    searched = {key: values for key, values in hyperparameters.items() if isinstance(values, list)}
    if not searched:
        return {}
    folds = list(split_folds(len(x), hyperparameters.get("seed", SEED)))

    def mean_error(values: Hyperparameters) -> float:
        errors = []
        for train, test in folds:
            settings = {**hyperparameters, **values}
            network = fit(recipe.model, x[train], y[train], settings, is_regression)
            errors.append(_score(recipe, network, x[test], y[test], is_regression))
        return fmean(errors)

    grid = (dict(zip(searched, values, strict=True)) for values in product(*searched.values()))
    return min(grid, key=mean_error)


def _score(
    recipe: TabularRecipe, network: nn.Module, x: Tensor, y: Tensor, is_regression: bool
) -> float:
    if recipe.eval_mode:
        network.eval()
    return score(network, x, y, is_regression)


def fit(
    model: str, x: Tensor, y: Tensor, hyperparameters: Hyperparameters, is_regression: bool
) -> nn.Module:
    """Build a network after seeding torch, and fit it: x (N, columns), y (N, outputs).

    Hyperparameters that the network's class takes are its arguments, the others are of the fit;
    `seed` is 42 if it is not among them.
    """
    entry = get_entry(model)
    arguments: dict[str, Any] = {
        key: value
        for key, value in hyperparameters.items()
        if key in inspect.signature(load_class(entry.target)).parameters
    }
    settings: dict[str, Any] = {k: v for k, v in hyperparameters.items() if k not in arguments}
    seed = settings.pop("seed", SEED)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_model(model, columns=x.shape[1], outputs=y.shape[1], **arguments)
        if "lr" in settings:
            train_end_to_end(network, x, y, is_regression, **settings)
        else:
            family: Any = importlib.import_module(f"{entry.family}.fitting")
            family.fit_table(network, x, y, is_regression=is_regression, settings=settings)
    return network


def train_end_to_end(
    network: nn.Module,
    x: Tensor,
    y: Tensor,
    is_regression: bool,
    *,
    lr: float,
    lr_end: float,
    epochs: int,
    batch_size: int,
    weight_decay: float,
) -> None:
    """Train by Adam with a cosine to lr * lr_end, epoch by epoch; smaller batches are left out."""
    loss_of = _loss(y, is_regression)
    adam = torch.optim.Adam(network.parameters(), lr=lr, weight_decay=weight_decay)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(adam, epochs, eta_min=lr * lr_end)
    loader = DataLoader(TensorDataset(x, y), batch_size, shuffle=True)
    for _ in range(epochs):
        for inputs, targets in loader:
            if len(inputs) == batch_size:
                adam.zero_grad()
                loss_of(network(inputs), targets).backward()
                adam.step()
        cosine.step()


def _loss(y: Tensor, is_regression: bool) -> Any:
    if is_regression:
        return F.mse_loss
    return F.cross_entropy if y.shape[1] > 1 else F.binary_cross_entropy_with_logits


@torch.no_grad()
def score(network: nn.Module, x: Tensor, y: Tensor, is_regression: bool) -> float:
    """Return the error in percent, or the RMSE, with a network in the mode that it is in.

    The authors leave theirs in training mode: BatchNorm takes the statistics of what it sees.
    """
    output = network(x)
    if is_regression:
        return float(F.mse_loss(output, y).sqrt())
    return 100 * float((predicted(output) != predicted(y, 0.5)).double().mean())


def predicted(output: Tensor, threshold: float = 0.0) -> Tensor:
    """Return the class of each row: of one logit by a threshold, else the largest."""
    return (output[:, 0] > threshold).long() if output.shape[1] == 1 else output.argmax(1)
