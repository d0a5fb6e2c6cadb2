"""Recipes: how a paper trains a network, as data; learning-rate schedules; loading a recipe."""

import math
import runpy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from zoo.training.objective import Objective

Schedule = Callable[[float], float]  # share of the steps done, 0..1 -> factor of the rate
Plateau = Callable[[torch.optim.Optimizer], torch.optim.lr_scheduler.ReduceLROnPlateau]
INFORMATIVE = ("source", "hardware", "expected", "reached")  # fields that change nothing


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One training run, up to its seed."""

    name: str  # of the run: arch.tag
    model: str  # as zoo.create takes it
    dataset: str  # a benchmark's name, or a folder of images
    epochs: int
    batch_size: int  # over all processes
    lr: float  # the highest learning rate
    objective: Objective  # data, loss and training metric
    optimizer: Callable[..., torch.optim.Optimizer]  # called with the parameters and lr=
    schedule: Schedule
    source: str  # paper and section
    plateau: Plateau | None = None  # lowers the rate by the training loss, in place of `schedule`
    args: Mapping[str, Any] = field(default_factory=dict)  # of the model's constructor
    preprocessing: Mapping[str, Any] = field(default_factory=dict)  # changes of pretrained_cfg
    init_from: str = ""  # weights to start from: a name or a .safetensors file
    trains: tuple[str, ...] = ()  # patterns of the parameters that are trained; empty: all
    around: Callable[[Any], torch.nn.Module] | None = None  # makes what is trained, around the
    # network, which is its `network` and alone is saved: an autoencoder around an encoder
    precision: str = "no"  # as accelerate names it: no, bf16, fp16
    clip: float = 0.0  # largest norm of the gradients; 0: not clipped
    accumulate: int = 1  # parts of a batch, one after the other; BatchNorm sees each by itself
    ema: float = 0.0  # decay of the averaged weights, which are then saved; 0: no averages
    hardware: str = ""  # the paper's
    expected: str = ""  # time and result
    reached: str = "not run here"


def steps(*milestones: float, factor: float = 0.1, warmup: float = 0.0) -> Schedule:
    """Return a schedule: times `factor` at each milestone, and 0.1 for the first `warmup` share."""

    def schedule(share: float) -> float:
        if share < warmup:
            return 0.1
        return factor ** sum(share >= milestone for milestone in milestones)

    return schedule


def cosine(warmup: float = 0.0, floor: float = 0.0, first: float = 0.0) -> Schedule:
    """Return a schedule: linear from `first` to 1 over `warmup`, then half a cosine to `floor`."""

    def schedule(share: float) -> float:
        if share < warmup:
            return first + (1 - first) * (share / warmup)
        down = 0.5 + 0.5 * math.cos(math.pi * (share - warmup) / (1 - warmup))
        return floor + (1 - floor) * down

    return schedule


def decay_matrices_only(
    optimizer: Callable[..., torch.optim.Optimizer],
    weight_decay: float,
    parameters: Iterable[torch.nn.Parameter],
    lr: float,
) -> torch.optim.Optimizer:
    """Return an optimizer that decays matrices and kernels, not biases, norms and scales.

    As timm and nanoGPT do. timm's param_groups_weight_decay needs the model and also spares
    matrices that are named bias.
    """
    parameters = list(parameters)
    groups: list[dict[str, Any]] = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    return optimizer(groups, lr=lr)


def override(
    recipe: Recipe,
    *,
    epochs: int | None = None,
    lr: float | None = None,
    batch_size: int | None = None,
) -> Recipe:
    """Return a recipe with other settings, under a name that says so.

    Weights, checkpoints and records carry the name, so that a run by other settings is never taken
    for one by the paper's.

    Args:
        recipe: of configs/, or your own.
        epochs: passes over the training data; None for the recipe's.
        lr: highest learning rate; None for the recipe's.
        batch_size: samples a step, over all processes; None for the recipe's.

    Raises:
        ValueError: a setting is not above 0.

    >>> override(load_recipe("configs/digits.py:resnet20"), epochs=2, lr=0.1).name
    'resnet20.zoo_digits+epochs=2'
    """
    settings = {"epochs": epochs, "lr": lr, "batch_size": batch_size}
    for key, value in settings.items():
        if value is not None and not (value > 0 and math.isfinite(value)):
            raise ValueError(f"{key} is a number above 0, not {value}")
    changed: dict[str, Any] = {
        key: value for key, value in settings.items() if value not in (None, getattr(recipe, key))
    }
    suffix = "".join(f"+{key}={value}" for key, value in changed.items())
    return replace(recipe, name=recipe.name + suffix, **changed)


def to_repr(value: object) -> str:
    """Return a representation that is the same in every process: functions by their names."""
    if isinstance(value, partial):
        return f"{to_repr(value.func)}{value.args}{value.keywords}"
    return str(getattr(value, "__qualname__", value))


def load_recipe(where: str) -> Recipe:
    """Load the recipe at "FILE.py:NAME", or the only one of "FILE.py".

    Raises:
        ValueError: there is no such file or recipe; the message names those of the file.

    >>> load_recipe("configs/digits.py:resnet20").epochs
    12
    """
    file, colon, name = where.rpartition(":") if ".py:" in where else (where, "", "")
    path = Path(file)
    if not path.is_file():
        raise ValueError(f"a recipe is FILE.py or FILE.py:NAME, and there is no file {file!r}")
    try:
        variables = runpy.run_path(str(path))
    except SyntaxError as error:
        raise ValueError(f"{path} is no Python file: {error}") from None
    recipes = {key: value for key, value in variables.items() if isinstance(value, Recipe)}
    if not colon and len(recipes) == 1:
        return next(iter(recipes.values()))
    if name not in recipes:
        known = ", ".join(recipes) or "none"
        raise ValueError(f"{path} has no recipe {name!r}; it has: {known}")
    return recipes[name]
