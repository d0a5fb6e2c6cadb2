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
from zoo.data.contents import files_digest


class Parquet:
    """Rows of (image, label) in parquet files; images are decoded one at a time."""

    def __init__(self, rows: Any, columns: tuple[str, str], files: Sequence[Path] = ()) -> None:
        self.rows, self.columns, self.files = rows, columns, files

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        row = self.rows[index]
        image, label = self.columns
        return row[image], int(row[label])

    @property
    def fingerprint(self) -> str:
        """The `datasets` library's own, for rows that come from no files of the user."""
        return str(getattr(self.rows, "_fingerprint", ""))

    def where(self, index: int) -> str:
        """Return the file of a row and its number there."""
        if not self.files:
            return f"row {index}"
        starts = [0, *accumulate(pq.ParquetFile(file).metadata.num_rows for file in self.files)]
        number = bisect_right(starts, index) - 1
        return f"row {index - starts[number]} of {self.files[number]}"


def open_split(benchmark: Benchmark, data: Path | None = None) -> Parquet:
    """Return the rows of a split. Raises DatasetNotFoundError if a file is missing."""
    home = benchmark.require_folder(data)
    files = sorted(home.glob(f"{benchmark.split}*.parquet"))
    if not files:
        raise DatasetNotFoundError(
            f"{benchmark.id}: no {home.name}/{benchmark.split}-*.parquet in {home.parent}"
        )
    rows = open_files(files)
    benchmark.require_size(len(rows), home)
    return Parquet(rows, benchmark.columns, files)


def open_files(files: Sequence[Path]) -> Any:
    """Return the rows of parquet files, in order.

    Raises DatasetNotFoundError for a broken file, or for a missing sibling of one named like
    x-00000-of-00002.parquet.
    """
    import datasets  # takes a second

    for file in files:
        if missing := [sibling for sibling in _siblings(file) if not sibling.is_file()]:
            raise DatasetNotFoundError(
                f"{missing[0]} is missing: {file.name} is one of several files"
            )
        try:
            pq.ParquetFile(file)
        except (OSError, ValueError) as error:
            cause = str(error).partition("\n")[0]
            raise DatasetNotFoundError(
                f"{file} is no whole parquet file: {cause}; download it again"
            ) from None
    # the library itself takes a file of the same name and time for the same
    cache = Path(datasets.config.HF_DATASETS_CACHE) / f"zoo-{files_digest(files)[:16]}"
    return datasets.Dataset.from_parquet([str(file) for file in files], cache_dir=str(cache))


def _siblings(file: Path) -> list[Path]:
    """Return all files of the series that a file's name says it belongs to."""
    match = re.fullmatch(r"(.*-)(\d+)-of-(\d+)\.parquet", file.name)
    if not match:
        return []
    start, number, count = match.groups()
    return [
        file.with_name(f"{start}{i:0{len(number)}}-of-{count}.parquet") for i in range(int(count))
    ]
