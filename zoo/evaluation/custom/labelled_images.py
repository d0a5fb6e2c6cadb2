"""Images and labels: a benchmark of the zoo, or any other data set.

digits/test                       a benchmark by name (--data DIR where it needs a folder)
ILSVRC/imagenet-1k --split val..  a data set on the Hub, or any that `datasets` opens
DIR/*.parquet                     parquet files of images and labels
DIR                               one folder of images per class; 1,000 wnids are ImageNet
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.checkpoints.endpoint import checked_endpoint
from zoo.data.benchmarks import BENCHMARKS, Dataset, DatasetNotFoundError
from zoo.data.contents import samples_digest
from zoo.data.imagenet import class_names, open_classes, open_wnids
from zoo.data.parquet import Parquet, open_files
from zoo.evaluation.custom.request import DataError


@dataclass(frozen=True)
class Source:
    """Samples with the name and version that a record gives them."""

    samples: Dataset  # (image, label) by index
    name: str  # benchmark of the record
    version: str | int  # benchmark_version of the record
    note: str = ""  # what was assumed of the labels


def open_source(
    name: str, split: str = "", columns: tuple[str, str] = ("", ""), data: Path | None = None
) -> Source:
    """Open the data set called `name`, see the head of this file. Raises DataError."""
    if name in BENCHMARKS:
        benchmark = BENCHMARKS[name]
        if benchmark.task != "image-classification":
            raise DataError(f"{name} has no labelled images: it is for {benchmark.task}")
        try:
            return Source(benchmark.open(data), name, benchmark.version)
        except DatasetNotFoundError as error:
            raise DataError(str(error)) from None
    if (rows := parquet(Path(name))) is not None:
        return _rows(rows, name, columns)
    path = Path(name)
    if path.is_dir():
        return _folder(path)
    if path.exists() or name.startswith((".", "/", "~")):
        raise DataError(f"{name} is no parquet file, no folder of images and no data set")
    split = split or "validation"
    return _rows(from_hub(name, split), f"{name}/{split}", columns)


def parquet(path: Path) -> Any:
    """Return the rows of a parquet file or of those in a folder, or None. Raises DataError."""
    files = parquet_files(path)
    try:
        return open_files(files) if files else None
    except DatasetNotFoundError as error:
        raise DataError(str(error)) from None


def parquet_files(path: Path) -> list[Path]:
    """Return a parquet file, or those of a folder, by name; none of another file."""
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    return [file for file in files if file.suffix == ".parquet" and file.is_file()]


def from_hub(name: str, split: str, subset: str = "") -> Any:
    """Return the rows of a data set on the Hub. Raises DataError for any error of the library."""
    import datasets

    try:
        checked_endpoint()
        return datasets.load_dataset(name, subset or None, split=split)
    except Exception as error:  # the library has many types
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{name} cannot be opened: {first}") from None


def _rows(rows: Any, name: str, columns: tuple[str, str]) -> Source:
    """Return the rows by the columns asked for, or by the only ones of images and of classes."""
    features = {key: type(feature).__name__ for key, feature in rows.features.items()}

    def column(asked: str, default: str, feature: str) -> str:
        candidates = [key for key in features if features[key] == feature]
        only = candidates[0] if len(candidates) == 1 else ""
        chosen = asked or (default if default in features else only)
        if chosen not in features:
            raise DataError(
                f"{name} has no column {chosen or default!r}; name the columns of images and "
                f"labels by --columns, two of {', '.join(features)}"
            )
        return chosen

    pair = column(columns[0], "image", "Image"), column(columns[1], "label", "ClassLabel")
    samples = Parquet(rows, pair, parquet_files(Path(name)))
    return Source(samples, name, samples_digest(samples)[:16])


def _folder(path: Path) -> Source:
    """Open a folder of one folder per class; wnids must be ImageNet's 1,000."""
    names = class_names(path)
    are_wnids = all(len(n) == 9 and n[0] == "n" and n[1:].isdigit() for n in names)
    try:
        samples = open_wnids(path) if names and are_wnids else open_classes(path)
    except DatasetNotFoundError as error:
        raise DataError(str(error)) from None
    version = hashlib.sha256(f"{samples.labels_sha256} {samples_digest(samples)}".encode())
    first = ", ".join(names[:3]) + (f", ..., {names[-1]}" if len(names) > 3 else "")
    note = f"{len(names)} classes in the order of their folders: {first}"
    return Source(samples, path.name, version.hexdigest()[:16], note)
