"""What a model may be judged on: a model in, scores out.

A benchmark is a data set and a split by name, e.g. "digits/test". Its samples are PIL images as
they are stored; how a model wants them is bound to the model's weights (`zoo.transform`).
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from PIL.Image import Image


class Samples(Protocol):
    """A data set of images and labels."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> "tuple[Image, int]": ...


class NoDataError(LookupError):
    """A benchmark whose data is not at hand; the message says what to bring."""


@dataclass(frozen=True)
class Benchmark:
    """A split by name; `size` is the number of images of the whole split.

    `version` changes when a score on it would: other images, other order of operations.
    """

    id: str
    size: int
    classes: int
    version: int
    opener: str
    folder: str = ""
    columns: tuple[str, str] = ("", "")
    note: str = ""

    def open(self, data: Path | None = None) -> Samples:
        """The samples; `data` is the folder that holds one folder per data set.

        Raises NoDataError when they are not there.
        """
        module, _, name = self.opener.partition(":")
        opener: Any = getattr(importlib.import_module(module), name)
        samples: Samples = opener(self, data)
        return samples


PARQUET = "zoo.benchmarks.parquet:open_split"
DIGITS = "zoo.benchmarks.digits:open_split"
JPEG = "CIFAR-10 re-encoded as JPEG: not CIFAR-10, and never judged as such"


def _cifar(name: str, columns: tuple[str, str], classes: int, note: str = "") -> list[Benchmark]:
    sizes = {"train": 50_000, "test": 10_000}
    return [
        Benchmark(f"{name}/{split}", n, classes, 1, PARQUET, name, columns, note)
        for split, n in sizes.items()
    ]


BENCHMARKS: dict[str, Benchmark] = {
    benchmark.id: benchmark
    for benchmark in [
        Benchmark("digits/train", 1437, 10, 1, DIGITS),
        Benchmark("digits/test", 360, 10, 1, DIGITS),
        *_cifar("cifar10", ("img", "label"), 10),
        *_cifar("cifar100", ("img", "fine_label"), 100),
        *_cifar("cifar10_jpeg", ("img", "label"), 10, JPEG),
    ]
}


def shard(samples: Samples, rank: int, world: int) -> Sequence[int]:
    """The indices that process `rank` of `world` looks at: every one belongs to one process."""
    return range(rank, len(samples), world)
