"""Series of the M4 competition: a file with the history of each, another with what follows.

DIR/m4/Hourly-train.csv, Hourly-test.csv -> of each series (past, future)

A row is a series: its name, then its values, then empty cells up to the longest series.
"""

import csv
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo.data.benchmarks import Benchmark, DatasetNotFoundError
from zoo.data.forecasting import Window


@dataclass(frozen=True, eq=False)
class SeriesSet:
    """Series of one channel, each with its last steps as the future."""

    pasts: Sequence[NDArray[np.float64]]
    futures: NDArray[np.float64]  # (series, horizon)
    season: int  # steps after which a series repeats itself
    files: Sequence[Path]  # of pasts and futures

    def __len__(self) -> int:
        return len(self.pasts)

    def __getitem__(self, index: int) -> Window:
        return Window(self.pasts[index][:, None], self.futures[index][:, None])

    @property
    def horizon(self) -> int:
        """Steps of a future."""
        return self.futures.shape[1]

    def where(self, index: int) -> str:
        """Return the file and the line of a series' past."""
        return f"{self.files[0]}, line {index + 2}"

    def scale(self, index: int) -> float:
        """Return the mean error of a forecast, in the past, that a season is as the last one."""
        past = self.pasts[index]
        return float(np.abs(past[self.season :] - past[: -self.season]).mean())

    def naive2(self, index: int) -> NDArray[np.float64]:
        """Return the competition's benchmark forecast: the last value, seasonally adjusted."""
        past = self.pasts[index]
        season = seasonal_indices(past, self.season)
        steps = np.arange(len(past), len(past) + self.horizon) % self.season
        return past[-1] / season[(len(past) - 1) % self.season] * season[steps]


def seasonal_indices(past: NDArray[np.float64], season: int) -> NDArray[np.float64]:
    """Return the factor of each step of a season, as M4's "Benchmarks and Evaluation.R".

    R's multiplicative decomposition: values over their moving average, in the mean over seasons.

    Args:
        past: At least a season of values.
        season: Steps of a season: 1, or an even number.

    Returns:
        (season,) in the order of the first steps, 1 in the mean; all 1 for a past of less than
        three seasons, or whose autocorrelation does not pass the competition's test.

    Example:
        >>> seasonal_indices(np.tile([1.0, 2.0, 3.0, 2.0], 4), 4)
        array([0.5, 1. , 1.5, 1. ])
    """
    steps = len(past)
    centred = past - past.mean()
    products = [centred[lag:] @ centred[: steps - lag] for lag in range(season + 1)]
    limit = 1.645 * np.hypot(products[0], np.sqrt(2) * np.linalg.norm(products[1:-1]))
    if season == 1 or steps < 3 * season or abs(products[-1]) <= limit / np.sqrt(steps):
        return np.ones(season)
    weights = np.ones(season + 1)
    weights[[0, -1]] = 0.5
    ratios = np.full(steps + -steps % season, np.nan)
    half = season // 2
    ratios[half : steps - half] = past[half:-half] / np.convolve(past, weights / season, "valid")
    means = np.nanmean(ratios.reshape(-1, season), axis=0)
    return np.asarray(means / means.mean())


def open_subset(benchmark: Benchmark, data: Path | None = None) -> SeriesSet:
    """Return the series of one frequency.

    Raises:
        DatasetNotFoundError: A file is not there, or is not whole.
    """
    if data is None:
        raise DatasetNotFoundError(
            f"{benchmark.id} needs a folder of data (--data DIR or ZOO_DATA)"
        )
    subset = tomllib.loads(Path(__file__).with_name("m4.toml").read_text("utf-8"))[benchmark.split]
    horizon, season, name = subset["horizon"], subset["season"], benchmark.split.capitalize()
    files = [data / "m4" / f"{name}-{part}.csv" for part in ("train", "test")]
    pasts, futures = (_read(benchmark, file) for file in files)
    if wrong := [row for row, future in enumerate(futures) if len(future) != horizon]:
        raise DatasetNotFoundError(f"{files[1]}, line {wrong[0] + 2}: not {horizon} values")
    if wrong := [row for row, past in enumerate(pasts) if len(past) <= season]:
        raise DatasetNotFoundError(f"{files[0]}, line {wrong[0] + 2}: not one season")
    return SeriesSet(pasts, np.stack(futures), season, files)


def _read(benchmark: Benchmark, file: Path) -> list[NDArray[np.float64]]:
    """Return the values of each row."""
    if not file.is_file():
        raise DatasetNotFoundError(f"{benchmark.id} needs {file}; `zoo data get m4` writes it")
    series = []
    with file.open(newline="", encoding="utf-8") as rows:
        for line, row in enumerate(csv.reader(rows), start=1):
            if line == 1:
                continue  # V1, V2, ...
            try:
                series.append(np.array([float(cell) for cell in row[1:] if cell]))
            except ValueError as error:
                raise DatasetNotFoundError(f"{file}, line {line}: {error}") from None
    benchmark.require_size(len(series), file, "series")
    return series
