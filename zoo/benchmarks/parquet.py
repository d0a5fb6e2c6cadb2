"""Image sets in parquet files, as the Hub stores them: DIR/<set>/<split>-*.parquet."""

from pathlib import Path
from typing import Any

import datasets
from PIL import Image

from zoo.benchmarks import Benchmark, NoDataError


class Parquet:
    """Rows of (image, label), decoded when asked for."""

    def __init__(self, rows: Any, columns: tuple[str, str]) -> None:
        self.rows, self.columns = rows, columns

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        row = self.rows[index]
        image, label = self.columns
        return row[image], int(row[label])


def open_split(benchmark: Benchmark, data: Path | None = None) -> Parquet:
    """The rows of a split. Raises NoDataError when its folder, or a part of it, is missing."""
    if data is None:
        raise NoDataError(f"{benchmark.id} needs a folder of data (--data DIR or ZOO_DATA)")
    split = benchmark.id.partition("/")[2]
    files = sorted(str(file) for file in (data / benchmark.folder).glob(f"{split}-*.parquet"))
    if not files:
        raise NoDataError(f"{benchmark.id}: no {benchmark.folder}/{split}-*.parquet in {data}")
    rows = datasets.Dataset.from_parquet(files)
    if len(rows) != benchmark.size:
        raise NoDataError(f"{benchmark.id} has {benchmark.size} images, {data} holds {len(rows)}")
    return Parquet(rows, benchmark.columns)
