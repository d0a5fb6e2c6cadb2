"""Texts to be predicted, token by token: a language model in, nats out.

texts -> tokens, one more between texts -> windows of the context -> nats of each token, summed

A window is shown to the model at once and its tokens are scored from the second on. Windows that
are `stride` apart overlap, and what an earlier one has scored is not scored again, so that every
token but the first is scored once, whatever the windows.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.data.benchmarks import Benchmark, DatasetNotFoundError
from zoo.data.tokenizers import Tokenizer

BREAK = "\f"  # between the texts of a file that comes with the zoo
BUNDLED = Path(__file__).parent


@dataclass(frozen=True)
class Texts:
    """Documents, in order."""

    documents: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.documents)

    def __getitem__(self, index: int) -> str:
        return self.documents[index]

    @property
    def bytes(self) -> int:
        """Of all texts in UTF-8."""
        return sum(len(text.encode("utf-8")) for text in self.documents)

    def tokens(self, tokenizer: Tokenizer) -> np.ndarray:
        """The ids of all texts, the tokenizer's end after each."""
        found = [np.array([*tokenizer.encode(text), tokenizer.end]) for text in self.documents]
        return np.concatenate(found)


@dataclass(frozen=True)
class TokenFile:
    """Token ids as nanoGPT keeps them: a .bin of 16 bits each, made by GPT-2's tokenizer."""

    path: Path
    bytes = 0  # nobody has counted them

    def __len__(self) -> int:
        return len(self.tokens())

    def __getitem__(self, index: int) -> int:
        return int(self.tokens()[index])

    def tokens(self, tokenizer: Tokenizer | None = None) -> np.ndarray:
        """The ids, not read before they are needed. Raises ValueError for an odd file."""
        if not (size := self.path.stat().st_size) or size % 2:
            raise ValueError(f"{self.path} has {size} bytes; a .bin has two for each token")
        return np.memmap(self.path, dtype="<u2", mode="r")


def open_bundled(benchmark: Benchmark, data: Path | None = None) -> Texts:
    """Texts that come with the zoo. Raises NoDataError if they are not those of the benchmark."""
    raw = (BUNDLED / f"{benchmark.id}.txt").read_bytes()
    if hashlib.sha256(raw).hexdigest() != benchmark.sha256:
        raise DatasetNotFoundError(
            f"{benchmark.id}: the text that comes with the zoo has been changed"
        )
    return Texts(tuple(raw.decode("utf-8").split(BREAK)))


def open_folder(benchmark: Benchmark, data: Path | None = None) -> Texts | TokenFile:
    """Texts of DATA/<name>: <split>.bin of nanoGPT, <split>.txt, or <split>*.parquet.

    Raises NoDataError when none is there.
    """
    name, _, split = benchmark.id.partition("/")
    folder = data / name if data else None
    found = read(folder, split) if folder and folder.is_dir() else None
    if found is None:
        raise DatasetNotFoundError(
            f"{benchmark.id} needs {name}/{split}.bin, .txt or .parquet in the folder of data "
            "(--data DIR or ZOO_DATA)"
        )
    return found


def read(folder: Path, split: str) -> Texts | TokenFile | None:
    """The texts of one split in a folder; None if there are none."""
    short = {"validation": "val"}.get(split, split)  # as nanoGPT calls it
    for binary in (folder / f"{split}.bin", folder / f"{short}.bin"):
        if binary.is_file():
            return TokenFile(binary)
    if texts := sorted(folder.glob(f"{split}*.txt")):
        return Texts(tuple(path.read_text(encoding="utf-8") for path in texts))
    if files := sorted(folder.glob(f"{split}*.parquet")):
        return from_rows(files)
    return None


def from_rows(files: Sequence[Path]) -> Texts:
    """The column `text` of parquet files. Rows that end in a newline are lines of one text, as in
    WikiText; others are documents. Raises ValueError for a file that is broken or has no such
    column."""
    import pyarrow.parquet as pq

    rows: list[str] = []
    for path in files:
        try:
            table = pq.read_table(path)
        except (OSError, ValueError) as error:
            said = str(error).partition("\n")[0]
            raise ValueError(f"{path} is no whole parquet file: {said}") from None
        if "text" not in table.column_names:
            raise ValueError(f"{path} has no column 'text'; it has {table.column_names}")
        rows += [row or "" for row in table.column("text").to_pylist()]
    lines = sum(row.endswith("\n") or not row for row in rows)
    return Texts(("".join(rows),)) if 2 * lines > len(rows) else Texts(tuple(rows))
