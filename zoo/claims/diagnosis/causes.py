"""Causes of a differing score: changes to a setting, which is all that a score is taken with.

setting, changes -> another setting -> a score on the same weights

Causes that change different fields can be combined.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from math import inf, isfinite, sqrt
from statistics import NormalDist, stdev
from typing import Any, NamedTuple, Protocol

import torch
from torch import nn

from zoo.distributed import accelerator
from zoo.models._factory import create

Z = NormalDist().inv_cdf(0.975)  # of a 95 % interval
PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16}
Args = tuple[tuple[str, Any], ...]  # arguments of a network, as a hashable field of a setting


class Cause(NamedTuple):
    """A known mistake, or another convention."""

    group: str  # what kind of mistake: normalisation, crop, ...
    phrase: str  # continues "what these weights score ..."
    changes: Mapping[str, Any]  # fields of a setting

    def combine(self, other: "Cause") -> "Cause":
        """Return both causes at once."""
        phrase = f"{self.phrase} and {other.phrase}"
        return Cause(f"{self.group} + {other.group}", phrase, {**self.changes, **other.changes})


class UserSettings(NamedTuple):
    """Settings of a network and its evaluation that the zoo does not know by itself."""

    args: Mapping[str, Any]  # of zoo.create
    preprocessing: Mapping[str, Any]  # of a classifier: mean, std, ...
    protocol: Any  # None: the task's default
    limit: int  # samples to evaluate; 0: all


class Measured(NamedTuple):
    """A score, and how far it may be from a user's."""

    value: float
    slack: float = 0.0  # by chance, or by another machine's arithmetic
    step: float = 0.0  # of a share of few samples, which moves in whole steps

    def off(self, number: float) -> float:
        """Return the distance of a number from the nearest value within the slack."""
        beyond = number - self.value
        if not isfinite(beyond):
            return inf
        if self.step:
            steps = int(self.slack / self.step + 1e-6)
            return abs(beyond - self.step * max(-steps, min(steps, round(beyond / self.step))))
        return max(0.0, abs(beyond) - self.slack)


class Target(Protocol):
    """A network on a benchmark, measured by any setting."""

    base: Any  # the correct setting
    causes: list[Cause]
    metrics: tuple[str, ...]
    right: Mapping[str, str]  # group of causes -> what is correct instead
    samples: int  # evaluated
    whole: int  # in the benchmark
    unit: str  # of samples: images, windows
    broken: tuple[str, ...]  # samples that cannot be read

    def measure(self, setting: Any, metric: str) -> Measured: ...


def select_causes(target: Target, groups: Sequence[str]) -> list[Cause]:
    """Return the target's causes of the given groups (of all, if empty) that change its setting.
    Raises ValueError for an unknown group."""
    known = list(dict.fromkeys(cause.group for cause in target.causes))
    if unknown := sorted(set(groups) - set(known)):
        raise ValueError(f"a group of causes is one of {', '.join(known)}, not {unknown[0]!r}")
    return [
        cause
        for cause in target.causes
        if cause.group in (groups or known) and replace(target.base, **cause.changes) != target.base
    ]


def evenly_spaced(count: int, limit: int) -> range | list[int]:
    """Return `limit` of `count` indices, evenly spread; all of them if it is 0."""
    if not limit or limit >= count:
        return range(count)
    return [i * count // limit for i in range(limit)]


def sampling_error(values: Sequence[float], whole: int) -> float:
    """Return half the 95 % interval of a mean of some of `whole` values; 0 if these are all."""
    n = len(values)
    if n >= whole:
        return 0.0
    return Z * stdev(values) / sqrt(n) * sqrt((whole - n) / (whole - 1))


def over_seeds(scores: Sequence[Measured]) -> Measured:
    """Return the first seed's score, with the range over seeds as additional slack."""
    values = [score.value for score in scores]
    return scores[0]._replace(slack=scores[0].slack + max(values) - min(values))


class ModelFactory:
    """Copies of a model with other arguments, in train mode or other precision."""

    def __init__(self, name: str, model: nn.Module, args: Mapping[str, Any]) -> None:
        self.name, self.args, self.model = name, args, model
        self.device = torch.device(accelerator())
        model.to(self.device)

    @contextmanager
    def build(
        self, args: Args, precision: str, training: bool, seed: int = 0
    ) -> Iterator[nn.Module]:
        """Yield the model by a setting; autocast and seed hold within the context."""
        model = self.model
        if args:
            model = create(self.name, pretrained=True, **{**self.args, **dict(args)})
            model = model.to(self.device)
        if training or precision in PRECISIONS:
            model = copy.deepcopy(model).to(PRECISIONS.get(precision, torch.float32))
        cast = torch.autocast(self.device.type, torch.bfloat16, enabled=precision == "autocast")
        with torch.random.fork_rng(), cast, torch.inference_mode():
            torch.manual_seed(seed)
            yield model.train(training)

    @property
    def has_batch_norm(self) -> bool:
        """True if train mode matters: BatchNorm sees the batch."""
        return any(isinstance(m, nn.BatchNorm2d) for m in self.model.modules())
