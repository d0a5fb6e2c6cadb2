"""A cause is what it changes of a setting: all that a score is taken with, as plain data.

setting, changes -> another setting -> a score on the same weights

Two causes that change different fields may be had together.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from math import inf, isfinite, sqrt
from statistics import stdev
from typing import Any, NamedTuple, Protocol

import torch
from torch import nn

from zoo.models._factory import create

Z = 1.959964  # of 95 %
PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16}
Args = tuple[tuple[str, Any], ...]  # of a network, as a field of a setting


class Cause(NamedTuple):
    """`phrase` follows "what these weights score"; `changes` are fields of a setting."""

    group: str
    phrase: str
    changes: Mapping[str, Any]

    def and_(self, other: "Cause") -> "Cause":
        """Both at once."""
        phrase = f"{self.phrase} and {other.phrase}"
        return Cause(f"{self.group} + {other.group}", phrase, {**self.changes, **other.changes})


class UserSettings(NamedTuple):
    """What a caller says of a network and its evaluation: arguments, preprocessing (of classifiers)
    and protocol where they are not what the zoo knows; how many samples are enough, 0 for all."""

    args: Mapping[str, Any]
    preprocessing: Mapping[str, Any]
    protocol: Any
    limit: int


class Measured(NamedTuple):
    """A score, and by how much it may be off a user's: by chance, by another machine's sums. A
    share of few samples is so in whole `step`s."""

    value: float
    slack: float = 0.0
    step: float = 0.0

    def off(self, number: float) -> float:
        """How far a number is from the nearest that the score may be."""
        beyond = number - self.value
        if not isfinite(beyond):
            return inf
        if self.step:
            steps = int(self.slack / self.step + 1e-6)
            return abs(beyond - self.step * max(-steps, min(steps, round(beyond / self.step))))
        return max(0.0, abs(beyond) - self.slack)


class Target(Protocol):
    """A network on a benchmark. `base` is the setting that is right, `right` says so by group;
    `samples` of `whole` are looked at, in `unit`, and `broken` are those that cannot be read."""

    base: Any
    causes: list[Cause]
    metrics: tuple[str, ...]
    right: Mapping[str, str]
    samples: int
    whole: int
    unit: str
    broken: tuple[str, ...]

    def measure(self, setting: Any, metric: str) -> Measured: ...


def changed(subject: Target, groups: Sequence[str]) -> list[Cause]:
    """The causes of a subject that are of the `groups` (of any, if none are named) and change its
    setting. Raises ValueError for a group that it has not."""
    known = list(dict.fromkeys(cause.group for cause in subject.causes))
    if odd := set(groups) - set(known):
        raise ValueError(f"a group of causes is one of {', '.join(known)}, not {sorted(odd)[0]!r}")
    return [
        cause
        for cause in subject.causes
        if cause.group in (groups or known)
        and replace(subject.base, **cause.changes) != subject.base
    ]


def evenly_spaced(count: int, limit: int) -> range | list[int]:
    """`limit` of `count` indices, evenly spread; all of them if there is none."""
    if not limit or limit >= count:
        return range(count)
    return [i * count // limit for i in range(limit)]


def chance(values: Sequence[float], whole: int) -> float:
    """Half of the 95 % interval of a mean of some of `whole` values; 0 if these are all."""
    n = len(values)
    if n >= whole:
        return 0.0
    return Z * stdev(values) / sqrt(n) * sqrt((whole - n) / (whole - 1))


def over_seeds(found: Sequence[Measured]) -> Measured:
    """What comes out differently each time: the first, and how far apart the times are."""
    values = [one.value for one in found]
    return found[0]._replace(slack=found[0].slack + max(values) - min(values))


class ModelFactory:
    """A network under `name`, made again with other arguments, in train mode or other precision;
    the network itself stays as it is."""

    def __init__(self, name: str, model: nn.Module, args: Mapping[str, Any]) -> None:
        self.name, self.args, self.model = name, args, model
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        model.to(self.device)

    @contextmanager
    def by(self, args: Args, precision: str, training: bool, seed: int = 0) -> Iterator[nn.Module]:
        """The network by a setting, for as long as it is used."""
        model = self.model
        if args:
            given = {**self.args, **dict(args)}
            model = create(self.name, pretrained=True, **given).to(self.device)
        if training or precision in PRECISIONS:
            model = copy.deepcopy(model).to(PRECISIONS.get(precision, torch.float32))
        cast = torch.autocast(self.device.type, torch.bfloat16, enabled=precision == "autocast")
        with torch.random.fork_rng(), cast, torch.inference_mode():
            torch.manual_seed(seed)
            yield model.train(training)

    @property
    def normalises_batches(self) -> bool:
        """Whether it has BatchNorm, which in train mode sees the batch."""
        return any(isinstance(m, nn.BatchNorm2d) for m in self.model.modules())
