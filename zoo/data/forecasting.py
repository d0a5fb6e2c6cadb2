"""Time series of several channels, forecast from every step of a split.

DIR/series/cyclenet_ett/ETTh1.csv -> values by step -> at each origin (past, future)

ETT's splits are 12, 4 and 4 months of 30 days, as its authors' code takes them (2012.07436).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zoo.data.benchmarks import Benchmark, DatasetNotFoundError

Values = NDArray[np.float64]  # (steps, channels)

ETT = Path("series", "cyclenet_ett")  # below the folder of data
FILES = {"etth1": "ETTh1.csv", "etth2": "ETTh2.csv"}
MONTH = 30 * 24  # hours
SPLITS = {"train": (0, 12), "validation": (12, 16), "test": (16, 20)}  # months


class Window(NamedTuple):
    """What is known at an origin, and what is to be forecast."""

    past: Values  # from the start of the series to the origin
    future: Values  # the steps of the horizon


@dataclass(frozen=True, eq=False)
class Windows:
    """A window at each origin of a split. Other series may have other origins and horizons."""

    values: Values  # of all splits
    origins: range  # first steps of the futures
    horizon: int  # steps of a future
    fitted: int  # steps from the start that are the training split
    file: Path  # that the values were read from

    def __len__(self) -> int:
        return len(self.origins)

    def __getitem__(self, index: int) -> Window:
        origin = self.origins[index]
        return Window(self.values[:origin], self.values[origin : origin + self.horizon])

    @property
    def files(self) -> Sequence[Path]:
        """All files that are read."""
        return [self.file]

    def where(self, index: int) -> str:
        """Return the file and the line of a window's first future step."""
        return f"{self.file}, line {self.origins[index] + 2}"

    def standardized(self) -> "Windows":
        """Return the windows less the training split's mean, over its standard deviation."""
        from sklearn.preprocessing import StandardScaler  # takes a second to import

        scaler = StandardScaler().fit(self.values[: self.fitted])
        return replace(self, values=scaler.transform(self.values))


def network_input(
    past: Values, look_back: int, cycle: int = 0, padded: bool = False
) -> NDArray[np.float32]:
    """Return the last steps before an origin as a network takes them.

    Args:
        past: All steps before the origin, (steps, channels).
        look_back: Steps that the network sees.
        cycle: Steps of the cycle whose phase the network takes; 0 if it takes none.
        padded: Put NaN before a series that is too short.

    Returns:
        (look_back, channels), with a cycle (look_back, 1 + channels): phase, then values.

    Raises:
        ValueError: There are fewer steps, and they are not padded.

    Example:
        >>> network_input(np.array([[7.0], [8.0], [9.0]]), look_back=2, cycle=24)
        array([[1., 8.],
               [2., 9.]], dtype=float32)
    """
    if padded and len(past) < look_back:
        past = np.pad(past, ((look_back - len(past), 0), (0, 0)), constant_values=np.nan)
    start = len(past) - look_back
    if start < 0:
        raise ValueError(f"{len(past)} steps are known, and the network looks {look_back} back")
    steps = past[start:]
    if cycle:
        steps = np.column_stack([np.arange(start, len(past)) % cycle, steps])
    return steps.astype(np.float32)


def open_folder(benchmark: Benchmark, data: Path | None = None) -> Windows:
    """Return a split of ETT. Raises DatasetNotFoundError if its file is not there, or not whole."""
    if data is None:
        raise DatasetNotFoundError(
            f"{benchmark.id} needs a folder of data (--data DIR or ZOO_DATA)"
        )
    file = data / ETT / FILES[benchmark.dataset]
    if not file.is_file():
        raise DatasetNotFoundError(f"{benchmark.id} needs {file}; `zoo data get ett` writes it")
    try:
        values = np.loadtxt(file, delimiter=",", skiprows=1, usecols=range(1, 8), ndmin=2)
    except (ValueError, IndexError) as error:
        raise DatasetNotFoundError(f"{file} is no table of a date and 7 numbers: {error}") from None
    split, _, horizon = benchmark.split.partition("_")
    first, end = (months * MONTH for months in SPLITS[split])
    origins = range(first, min(end, len(values)) - int(horizon) + 1)
    benchmark.require_size(len(origins), file, "origins")
    fitted = SPLITS["train"][1] * MONTH
    return Windows(values, origins, int(horizon), fitted, file)
