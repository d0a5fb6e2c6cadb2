"""Labelled time series of the UCR archive: a training and a test split of each data set.

DIR/series/ucr/Coffee/Coffee_TRAIN.ts, Coffee_TEST.ts -> Series: ((steps,) of a series, its class)

Files are read as the archive had them in 2015 (label first, commas, no suffix) and has them now
(.ts, .tsv, .txt), each set in a folder of its own or all in one.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from zoo.data.benchmarks import Benchmark, DatasetNotFoundError

FOLDER = Path("series", "ucr")  # below the folder of data
SUFFIXES = ("", ".ts", ".tsv", ".txt")


@dataclass(frozen=True, kw_only=True)
class SeriesSet:
    """A data set of the archive."""

    name: str  # in the archive
    train: int  # series to train on
    test: int  # series to test on
    steps: int  # of each series
    classes: int


@cache
def series_sets() -> Mapping[str, SeriesSet]:
    """Return the data sets that the zoo knows, by their names in benchmarks.

    Example:
        >>> series_sets()["arrow_head"].steps
        251
    """
    sets = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    return {name: msgspec.convert(table, SeriesSet) for name, table in sets.items()}


@dataclass(frozen=True, eq=False)
class Series:
    """One split. As samples: (series, class)."""

    values: NDArray[np.float64]  # (N, steps)
    labels: NDArray[np.int64]  # (N,), 0..classes-1: the archive's labels in ascending order
    file: Path  # that they were read from
    training: "Series | None" = None  # the training split of a test split

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int, /) -> tuple[NDArray[np.float64], int]:
        return self.values[index], int(self.labels[index])

    @property
    def files(self) -> Sequence[Path]:
        """All files that are read."""
        return [*(self.training.files if self.training else ()), self.file]

    def where(self, index: int) -> str:
        """Return the file and the number of a series in it."""
        return f"{self.file}, series {index + 1}"

    def standardized(self) -> "Series":
        """Return the series less the training split's mean, over its standard deviation.

        Both are single numbers, over all series and steps.
        """
        training = (self.training or self).values
        return replace(self, values=(self.values - training.mean()) / training.std())


def open_set(benchmark: Benchmark, data: Path | None = None) -> Series:
    """Return the test split of a data set, with its training split.

    Raises:
        DatasetNotFoundError: A file is not there, or not whole.
    """
    if data is None:
        raise DatasetNotFoundError(
            f"{benchmark.id} needs a folder of data (--data DIR or ZOO_DATA)"
        )
    series_set = series_sets()[benchmark.split]
    train, test = (_find(data / FOLDER, series_set.name, split) for split in ("TRAIN", "TEST"))
    values, train_labels = _read(train, series_set.train, series_set)
    known = np.unique(train_labels)
    training = Series(values, np.searchsorted(known, train_labels), train)
    values, labels = _read(test, series_set.test, series_set)
    if len(known) != series_set.classes or not np.isin(labels, known).all():
        raise DatasetNotFoundError(
            f"{benchmark.id} has {series_set.classes} classes, {train} {len(known)}, and with "
            f"{test.name} they are {len(np.union1d(known, labels))}"
        )
    return Series(values, np.searchsorted(known, labels), test, training)


def _find(folder: Path, name: str, split: str) -> Path:
    """Return the file of a split, in a folder of the set's name or without one."""
    for parent in (folder / name, folder):
        for suffix in SUFFIXES:
            if (path := parent / f"{name}_{split}{suffix}").is_file():
                return path
    raise DatasetNotFoundError(
        f"{folder / name} has no {name}_{split}, nor one that ends in {', '.join(SUFFIXES[1:])}; "
        "`zoo data get ucr` writes it"
    )


def _read(
    path: Path, size: int, series_set: SeriesSet
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return series and labels of a file: "label values", or "values:label" below a header."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    rows = [
        " ".join(reversed(line.rsplit(":", 1))).replace(",", " ")
        for line in lines
        if line.strip() and line[0] not in "@#"
    ]
    try:
        table = np.loadtxt(rows, ndmin=2) if rows else np.empty((0, 1))
    except ValueError as error:
        raise DatasetNotFoundError(f"{path} is no table of numbers: {error}") from None
    shape = (size, series_set.steps)
    if (len(table), table.shape[1] - 1) != shape:
        raise DatasetNotFoundError(
            f"{path} has {len(table):,} series of {table.shape[1] - 1} steps, "
            f"not {shape[0]:,} of {shape[1]}"
        )
    if not np.isfinite(table).all():
        raise DatasetNotFoundError(f"{path} has values that are missing")
    return table[:, 1:], table[:, 0]
