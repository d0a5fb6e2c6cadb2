"""Tables of OpenML: rows of numbers, each with a class or a number to predict.

DIR/tabular/<name>.parquet, or the file of a mirror -> columns of 0/1 for categories -> 5,000 rows
at most, drawn by a seed -> standardized and clipped, by all rows -> Table

As the authors of 2501.18283 prepare them (np_load_openml_dataset of their code). Their folds are
`split_folds`. The rows of a test fold take part in means and deviations.
"""

import gzip
import hashlib
import io
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from zoo.data.benchmarks import Benchmark, DatasetNotFoundError

if TYPE_CHECKING:
    from pandas import DataFrame

TABLES = Path(__file__).with_name("tabular.toml")
MIRROR = Path("rfrboost", "data")  # below the folder of the tables
MOST_ROWS, FOLDS, SEED = 5_000, 5, 42
EPSILON, LARGEST = 1e-5, 3  # of the standardization: added to deviations; values are clipped to it
Fold = tuple[NDArray[np.int64], NDArray[np.int64]]  # (training rows, test rows)


@dataclass(frozen=True, kw_only=True)
class TableEntry:
    """A data set of OpenML, and the file of a mirror that has the same rows in the same order."""

    openml: int  # its number
    rows: int  # that are used
    columns: int  # of numbers
    classes: int  # 0 for a regression
    file: str = ""  # of the mirror; "" for one that comes with scikit-learn
    target: str = ""  # column to predict; "" for the last
    drop: tuple[int, ...] = ()  # columns of the file, by place, that OpenML lacks
    header: bool = False  # a text file names its columns
    label: str = ""  # how the classes are found that the file lacks: a key of LABELS


@cache
def table_entries() -> Mapping[str, TableEntry]:
    """Return the tables that the zoo knows, by OpenML's name."""
    tables = tomllib.loads(TABLES.read_text(encoding="utf-8"))
    return {name: msgspec.convert(table, TableEntry) for name, table in tables.items()}


@dataclass(frozen=True, eq=False)
class Table:
    """A prepared table. As samples: (row, target)."""

    x: NDArray[np.float32]  # (N, columns)
    y: NDArray[np.float32]  # (N, 1) for two classes, 0 or 1, and numbers; (N, classes) one-hot
    own_folds: Sequence[Fold] = ()  # instead of five of all rows

    @property
    def folds(self) -> Sequence[Fold]:
        """The rows to fit to and those to test on, of each fold."""
        return self.own_folds or tuple(split_folds(len(self)))

    @property
    def fingerprint(self) -> str:
        """The sha256 of all numbers."""
        return hashlib.sha256(self.x.tobytes() + self.y.tobytes()).hexdigest()

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int, /) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self.x[index], self.y[index]


def open_table(benchmark: Benchmark, data: Path | None) -> Table:
    """Return the prepared table of a benchmark.

    Raises:
        DatasetNotFoundError: if it is not there, or has other rows or columns.
    """
    entry = table_entries()[benchmark.split]
    table = prepare(_read(benchmark, entry, data), is_regression=not entry.classes)
    shape = (entry.rows, entry.columns, entry.classes if entry.classes > 2 else 1)
    if (*table.x.shape, table.y.shape[1]) != shape:
        raise DatasetNotFoundError(
            f"{benchmark.id} has {shape[0]:,} rows, {shape[1]} columns and {shape[2]} targets; "
            f"what is there has {len(table):,}, {table.x.shape[1]} and {table.y.shape[1]}"
        )
    return table


def _read(benchmark: Benchmark, entry: TableEntry, data: Path | None) -> "DataFrame":
    """Return a table as OpenML has it, the target last and called "target"."""
    import pandas as pd

    if not entry.file:
        return _wdbc()
    folder = benchmark.require_folder(data)
    own, mirrored = folder / f"{benchmark.split}.parquet", folder / MIRROR / entry.file
    if own.is_file():
        return pd.read_parquet(own)
    if not mirrored.is_file():
        raise DatasetNotFoundError(
            f"{benchmark.id} needs {own}: `zoo data get tabular` writes it, from OpenML's number "
            f"{entry.openml}"
        )
    return read_mirror(mirrored, entry)


def prepare(frame: "DataFrame", *, is_regression: bool) -> Table:
    """Fill, encode, draw and standardize a table, whose last column is the target."""
    import pandas as pd

    filled = _fill(frame)
    target = filled.pop("target")
    categories = list(filled.select_dtypes("category").columns)
    x = pd.get_dummies(filled, columns=categories).to_numpy(dtype=np.float32)
    y = target.to_numpy()
    chosen = np.random.RandomState(SEED).permutation(len(x))[:MOST_ROWS]
    x, y = _standardize(x[chosen]), y[chosen]
    if is_regression:
        return Table(x, _standardize(y[:, None]).astype(np.float32))
    one_hot = (y[:, None] == np.unique(y)).astype(np.float32)
    return Table(x, one_hot if one_hot.shape[1] > 2 else one_hot[:, 1:])


def _fill(frame: "DataFrame") -> "DataFrame":
    """Return a table whose missing values are the median of a column, or its first mode; 0 in a
    column without any."""
    filled = {}
    for name, column in frame.items():
        if column.dtype.kind in "iuf":
            filled[name] = column.fillna(column.median() if column.notna().any() else 0)
        else:
            modes = column.mode()
            filled[name] = column.fillna(modes[0] if len(modes) else 0).astype("category")
    return type(frame)(filled)


def _standardize(values: NDArray[Any]) -> NDArray[Any]:
    values = values - values.mean(axis=0, keepdims=True)
    values = values / (values.std(axis=0, keepdims=True) + EPSILON)
    return np.clip(values, -LARGEST, LARGEST)


def split_folds(rows: int, seed: int = SEED) -> Iterator[Fold]:
    """Yield five folds of rows, shuffled by a seed."""
    from sklearn.model_selection import KFold

    yield from KFold(FOLDS, shuffle=True, random_state=seed).split(np.empty(rows))


def _wdbc() -> "DataFrame":
    """Return the table of breast tumours that comes with scikit-learn; 1 is a malignant one."""
    from sklearn.datasets import load_breast_cancer

    tumours = load_breast_cancer(as_frame=True)
    frame: DataFrame = tumours.data.assign(target=1 - tumours.target)
    return frame


def read_mirror(path: Path, entry: TableEntry) -> "DataFrame":
    """Read an ARFF or text file, which may be packed by gzip."""
    import pandas as pd

    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("latin-1")
    if ".arff" in path.name:
        frame = _read_arff(text)
    else:
        separator = "," if ".csv" in path.name else r"\s+"
        header = 0 if entry.header else None
        frame = pd.read_csv(io.StringIO(text), sep=separator, header=header)
    frame = frame.drop(columns=frame.columns[list(entry.drop)])
    target = frame.pop(entry.target) if entry.target else frame.pop(frame.columns[-1])
    if entry.label:
        frame, target = LABELS[entry.label](frame)
    return _with_categories(frame).assign(target=target)


def _read_arff(text: str) -> "DataFrame":
    import pandas as pd
    from scipy.io import arff

    lines = (line.replace(", ", ",") for line in text.splitlines())
    rows, meta = arff.loadarff(io.StringIO("\n".join(lines)))
    frame = pd.DataFrame(rows)
    for name in meta.names():
        if meta[name][0] == "nominal":
            values = frame[name].str.decode("latin-1").where(frame[name] != b"?")
            frame[name] = pd.Categorical(values, sorted(meta[name][1]))
    return frame


def _with_categories(frame: "DataFrame") -> "DataFrame":
    """Make words categories, sorted as in a dictionary."""
    from pandas.api.types import is_numeric_dtype

    words = [name for name in frame if not is_numeric_dtype(frame[name])]
    return frame.astype(dict.fromkeys(words, "category"))


def _by_place(frame: "DataFrame") -> tuple["DataFrame", Any]:
    """Digits in the order of the file, 200 of each: the mirror has only two classes."""
    return frame, np.arange(len(frame)) // 200


def _by_columns(frame: "DataFrame") -> tuple["DataFrame", Any]:
    """Faults of steel plates: the last six columns are 0/1, and all 0 is the seventh."""
    faults = frame[frame.columns[27:]].to_numpy()
    return frame[frame.columns[:27]], np.where(faults.any(axis=1), faults.argmax(axis=1), 6)


LABELS = {"200 rows of each": _by_place, "one of seven columns": _by_columns}
