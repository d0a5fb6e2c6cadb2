"""Networks of tables, fitted fold by fold with the hyperparameters that a paper's authors chose.

family's hyperparameters.json -> TabularRecipe -> for each of five folds: seed, network, fit, score

A network is fitted by `fit_table` of its family's fitting.py, or, if its hyperparameters have a
learning rate, end to end by Adam.
"""

import importlib
import inspect
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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

TAG = "openml"  # of the recipes, after the network's name


@dataclass(frozen=True, kw_only=True)
class TabularRecipe:
    """Fits of a network to tables, five folds each."""

    name: str  # arch.tag
    model: str  # architecture
    folds: Mapping[str, tuple[Mapping[str, float], ...]]  # table -> hyperparameters by fold


@dataclass(frozen=True)
class FoldResult:
    """One fold: the network and its score on the rows that it was not fitted to."""

    network: nn.Module
    score: float  # error in percent, or RMSE of the standardized target
    seconds: float  # of the fit


def recipe_of(model: str) -> TabularRecipe:
    """Return the recipe of a network.

    Raises:
        LookupError: its paper has no hyperparameters of it.

    Example:
        >>> sorted(recipe_of("rfnn").folds["wdbc"][0])
        ['l2_head', 'scale', 'width']
    """
    paper = get_entry(model).family.rpartition(".")[2]
    path = MODELS_DIR / paper / "hyperparameters.json"
    tables = read_json(path) if path.is_file() else {}
    if model not in tables:
        known = ", ".join(tables) or "no network"
        raise LookupError(f"{paper} has hyperparameters of {known}, not of {model}")
    fields, folds = tables[model]["fields"], tables[model]["folds"]
    return TabularRecipe(
        name=f"{model}.{TAG}",
        model=model,
        folds={
            name: tuple(dict(zip(fields, values, strict=True)) for values in rows)
            for name, rows in folds.items()
        },
    )


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
    folds = zip(recipe.folds[name], split_folds(len(table)), strict=True)
    for hyperparameters, (train, test) in folds:
        start = time.perf_counter()
        network = fit(recipe.model, x[train], y[train], hyperparameters, is_regression)
        seconds = time.perf_counter() - start
        yield FoldResult(network, score(network, x[test], y[test], is_regression), seconds)


def fit(
    model: str, x: Tensor, y: Tensor, hyperparameters: Mapping[str, float], is_regression: bool
) -> nn.Module:
    """Build a network after seeding torch, and fit it: x (N, columns), y (N, outputs).

    Hyperparameters that the network's class takes are its arguments, the others are of the fit.
    """
    entry = get_entry(model)
    arguments: dict[str, Any] = {
        key: value
        for key, value in hyperparameters.items()
        if key in inspect.signature(load_class(entry.target)).parameters
    }
    settings: dict[str, Any] = {k: v for k, v in hyperparameters.items() if k not in arguments}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
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
