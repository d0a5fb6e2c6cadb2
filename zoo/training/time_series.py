"""Classification of time series, by the recipes that stand in the families' recipes.toml.

training split, standardized -> batches in random order -> network -> cross-entropy

Kept are the weights after the epoch with the lowest training loss, as Keras reports it: the mean
over the steps of an epoch, in training mode.
"""

import inspect
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim.lr_scheduler import ReduceLROnPlateau

from zoo.data.benchmarks import BENCHMARKS
from zoo.data.ucr import Series, series_sets
from zoo.models._builder import load_class
from zoo.models._registry import get_entry, paper_of
from zoo.papers.weights import MODELS_DIR
from zoo.training.objective import Batch, DrawnEpochs, error_sum
from zoo.training.recipe import Recipe

TAG = "ucr"  # of the recipes, after the network's name
LARGEST_BATCH, BATCHES = 16, 10  # a tenth of the series, and no more than 16


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a network is trained on every data set: an entry of recipes.toml."""

    optimizer: str  # of torch.optim
    lr: float  # of the first epoch
    min_lr: float  # that halving ends at
    patience: int  # epochs without a lower training loss, after which the rate is halved
    epochs: int
    options: Mapping[str, float] = field(default_factory=dict)  # of the optimizer
    args: Mapping[str, float] = field(default_factory=dict)  # of the network


def recipe_of(model: str, benchmark: str) -> Recipe:
    """Return the recipe of a network on a data set of the UCR archive.

    Args:
        model: Architecture.
        benchmark: Id such as "ucr/coffee".

    Raises:
        LookupError: The network's family has no recipe of it, or there is no such data set.

    Example:
        >>> recipe_of("tsc_resnet", "ucr/coffee").batch_size
        2
    """
    paper = paper_of(get_entry(model))
    path = MODELS_DIR / (paper.id if paper else "") / "recipes.toml"
    entries = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    group, _, name = benchmark.partition("/")
    if model not in entries or group != "ucr" or name not in series_sets():
        raise LookupError(f"there is no recipe of {model} on {benchmark}")
    settings, series_set = msgspec.convert(entries[model], Settings), series_sets()[name]
    sizes = {"steps": series_set.steps, "classes": series_set.classes}
    takes = inspect.signature(load_class(get_entry(model).target)).parameters
    assert paper
    return Recipe(
        name=f"{model}.{TAG}",
        model=model,
        dataset=benchmark,
        objective=TimeSeriesClassification(),
        epochs=settings.epochs,
        batch_size=min(series_set.train // BATCHES, LARGEST_BATCH),
        lr=settings.lr,
        optimizer=partial(getattr(torch.optim, settings.optimizer), **settings.options),
        schedule=lambda share: 1.0,
        plateau=partial(
            ReduceLROnPlateau,
            factor=0.5,
            patience=settings.patience,
            threshold=1e-4,
            threshold_mode="abs",
            min_lr=settings.min_lr,
        ),
        args={**settings.args, **{key: size for key, size in sizes.items() if key in takes}},
        source=f"{paper.arxiv.partition('v')[0]} as its authors' code trains it",
        hardware="not stated in the code",
        expected="minutes to an hour of one CPU core",
    )


@dataclass(frozen=True)
class TimeSeriesClassification:
    """Cross-entropy of standardized series."""

    metric = "error"

    def load(
        self, dataset: str, batch_size: int, cfg: Mapping[str, Any], data: Path | None
    ) -> "ShuffledSeries":
        test: Any = BENCHMARKS[dataset].open(data)
        assert isinstance(test, Series)
        assert test.training
        return ShuffledSeries(test.training.standardized(), batch_size)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(output, target)

    def metric_sum(self, output: Tensor, target: Tensor) -> float:
        return error_sum(output, target)


class ShuffledSeries(DrawnEpochs):
    """Every series once in an epoch; the last batch may be smaller."""

    keeps_lowest_loss = True
    checkpoint_seconds = 30.0  # an epoch takes less than a second

    def __init__(self, series: Series, batch_size: int) -> None:
        self.inputs = torch.from_numpy(series.values).float()[:, None]  # (N, 1, steps)
        self.labels = torch.from_numpy(series.labels)
        self.batch_size = batch_size
        self.steps = -(-len(series) // batch_size)

    def to(self, device: torch.device) -> None:
        self.inputs, self.labels = self.inputs.to(device), self.labels.to(device)

    def draw_epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        order = torch.randperm(len(self.labels), generator=generator)
        for chosen in torch.split(order, self.batch_size):
            yield self.inputs[chosen], self.labels[chosen]
