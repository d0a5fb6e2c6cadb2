"""How a network is trained, as data: a recipe of a paper, its schedule, where it is found."""

import math
import runpy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch

from zoo.training.objective import Objective

Schedule = Callable[[float], float]
TOLD = ("source", "hardware", "expected", "reached")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained: by what `lesson`, in which steps.

    `schedule` gives the factor of lr at a share (0..1) of the steps. `start` names weights of the
    zoo whose tensors, where they have the shape, are the first ones. `precision` is accelerate's
    (no, bf16, fp16). Gradients longer than `clip` are shortened to it, unless it is 0. A batch is
    seen in `accumulate` parts, one after the other, before a step; BatchNorm sees each by itself.
    With `ema`, what is kept are the averages of the weights with this decay.

    What is told and changes nothing: `source` (section), the paper's `hardware`, what is `expected`
    (time and result), what was `reached` here.
    """

    name: str
    model: str
    dataset: str
    epochs: int
    batch_size: int
    lr: float
    lesson: Objective
    optimizer: Callable[..., torch.optim.Optimizer]
    schedule: Schedule
    source: str
    args: Mapping[str, Any] = field(default_factory=dict)
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    start: str = ""
    precision: str = "no"
    clip: float = 0.0
    accumulate: int = 1
    ema: float = 0.0
    hardware: str = ""
    expected: str = ""
    reached: str = "not run here"


def steps(*milestones: float, factor: float = 0.1, warmup: float = 0.0) -> Schedule:
    """The rate times `factor` at each milestone; a tenth of it for the first `warmup` share."""

    def schedule(share: float) -> float:
        if share < warmup:
            return 0.1
        return factor ** sum(share >= milestone for milestone in milestones)

    return schedule


def cosine(warmup: float = 0.0, floor: float = 0.0, first: float = 0.0) -> Schedule:
    """Half a cosine down to `floor`, after a linear rise from `first` over the first `warmup`
    share."""

    def schedule(share: float) -> float:
        if share < warmup:
            return first + (1 - first) * (share / warmup)
        down = 0.5 + 0.5 * math.cos(math.pi * (share - warmup) / (1 - warmup))
        return floor + (1 - floor) * down

    return schedule


def decay_matrices_only(
    make: Callable[..., torch.optim.Optimizer],
    weight_decay: float,
    parameters: Iterable[torch.nn.Parameter],
    lr: float,
) -> torch.optim.Optimizer:
    """An optimizer whose weight decay is for matrices and kernels; biases, norms and scales are
    left alone, as timm and nanoGPT do."""
    learning = list(parameters)
    groups: list[dict[str, Any]] = [
        {"params": [p for p in learning if p.dim() >= 2], "weight_decay": weight_decay},
        {"params": [p for p in learning if p.dim() < 2], "weight_decay": 0.0},
    ]
    return make(groups, lr=lr)


def to_repr(value: object) -> str:
    """A value of a recipe in words that are the same in every process: functions by their names."""
    if isinstance(value, partial):
        return f"{to_repr(value.func)}{value.args}{value.keywords}"
    return str(getattr(value, "__qualname__", value))


def load_recipe(where: str) -> Recipe:
    """The recipe at "FILE.py:NAME", or the only one of "FILE.py". Raises ValueError when there is
    none by that name."""
    file, colon, name = where.rpartition(":") if ".py:" in where else (where, "", "")
    path = Path(file)
    if not path.is_file():
        raise ValueError(f"a recipe is FILE.py or FILE.py:NAME, and there is no file {file!r}")
    found = runpy.run_path(str(path))
    recipes = {key: value for key, value in found.items() if isinstance(value, Recipe)}
    if not colon and len(recipes) == 1:
        return next(iter(recipes.values()))
    if name not in recipes:
        have = ", ".join(recipes) or "none"
        raise ValueError(f"{path} has no recipe {name!r}; it has: {have}")
    return recipes[name]
