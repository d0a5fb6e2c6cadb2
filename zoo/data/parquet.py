"""Image sets in parquet files, as the Hub stores them: DIR/<set>/<split>-*.parquet."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from PIL import Image

from zoo.data.benchmarks import Benchmark, DatasetNotFoundError


class Parquet:
    """Rows of (image, label) of some files, decoded when asked for."""

    def __init__(self, rows: Any, columns: tuple[str, str], files: Sequence[Path] = ()) -> None:
        self.rows, self.columns, self.files = rows, columns, files

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        row = self.rows[index]
        image, label = self.columns
        return row[image], int(row[label])

    def where(self, index: int) -> str:
        """The file and the row in it."""
        if not self.files:
            return f"row {index}"
        starts = [0, *accumulate(pq.ParquetFile(file).metadata.num_rows for file in self.files)]
        number = bisect_right(starts, index) - 1
        return f"row {index - starts[number]} of {self.files[number]}"


def open_split(benchmark: Benchmark, data: Path | None = None) -> Parquet:
    """The rows of a split. Raises NoDataError when its folder, or a part of it, is missing."""
    if data is None:
        raise DatasetNotFoundError(
            f"{benchmark.id} needs a folder of data (--data DIR or ZOO_DATA)"
        )
    split = benchmark.id.partition("/")[2]
    files = sorted((data / benchmark.folder).glob(f"{split}*.parquet"))
    if not files:
        raise DatasetNotFoundError(
            f"{benchmark.id}: no {benchmark.folder}/{split}-*.parquet in {data}"
        )
    rows = open_files(files)
    if len(rows) != benchmark.size:
        raise DatasetNotFoundError(
            f"{benchmark.id} has {benchmark.size} images, {data} holds {len(rows)}"
        )
    return Parquet(rows, benchmark.columns, files)


def open_files(files: Sequence[Path]) -> Any:
    """The rows of parquet files, in their order. Raises NoDataError for a file that is none, or for
    one that is missing, by the names of the others: x-00000-of-00002.parquet."""
    import datasets  # takes a second

    for file in files:
        if missing := [sibling for sibling in _siblings(file) if not sibling.is_file()]:
            raise DatasetNotFoundError(
                f"{missing[0]} is missing: {file.name} is one of several files"
            )
        try:
            pq.ParquetFile(file)
        except (OSError, ValueError) as error:
            said = str(error).partition("\n")[0]
            raise DatasetNotFoundError(
                f"{file} is no whole parquet file: {said}; bring it again"
            ) from None
    return datasets.Dataset.from_parquet([str(file) for file in files])


def _siblings(file: Path) -> list[Path]:
    """All files of which a file's name says that it is one."""
    part = re.fullmatch(r"(.*-)(\d+)-of-(\d+)\.parquet", file.name)
    if not part:
        return []
    start, number, count = part.groups()
    return [
        file.with_name(f"{start}{i:0{len(number)}}-of-{count}.parquet") for i in range(int(count))
    ]
