"""Documents of lm-evaluation-harness's tasks, stored so that an evaluation needs no network.

DIR/lm_eval/<task>/<split>.parquet, written by `zoo data get lm_eval`: the splits that a task uses
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from zoo.data.benchmarks import Benchmark, DatasetNotFoundError


@dataclass(frozen=True)
class HarnessDocuments:
    """The documents of one task by split; `len` is the number of those that are evaluated."""

    task: str  # part of the benchmark's id after lm_eval/
    splits: Mapping[str, Path]  # split -> its parquet file

    def __len__(self) -> int:
        evaluated = self.splits.get("test") or self.splits["validation"]
        return int(pq.ParquetFile(evaluated).metadata.num_rows)

    def __getitem__(self, index: int) -> Any:
        evaluated = self.splits.get("test") or self.splits["validation"]
        return pq.read_table(evaluated).slice(index, 1).to_pylist()[0]

    @property
    def files(self) -> list[Path]:
        """All files that are read."""
        return list(self.splits.values())


def open_task(benchmark: Benchmark, data: Path | None = None) -> HarnessDocuments:
    """Return the documents of a task. Raises DatasetNotFoundError if they are not all there."""
    if find_spec("lm_eval") is None:
        raise DatasetNotFoundError(
            f"{benchmark.id} needs lm-evaluation-harness: pip install 'residual-zoo[harness]'"
        )
    home = benchmark.require_folder(data) / benchmark.split
    splits = {file.stem: file for file in sorted(home.glob("*.parquet"))}
    if not splits.keys() & {"test", "validation"}:
        raise DatasetNotFoundError(
            f"{benchmark.id} needs lm_eval/{benchmark.split}/test.parquet or validation.parquet in "
            f"the folder of data {home.parent.parent}: `zoo data get lm_eval` writes them"
        )
    documents = HarnessDocuments(benchmark.split, splits)
    try:
        count = len(documents)
    except (OSError, ValueError) as error:
        cause = str(error).partition("\n")[0]
        raise DatasetNotFoundError(f"a file in {home} is no whole parquet file: {cause}") from None
    benchmark.require_size(count, home, "documents")
    return documents
