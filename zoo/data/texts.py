"""Texts for language models: documents -> token ids, with an end token after each document."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from zoo.data.benchmarks import Benchmark, DatasetNotFoundError
from zoo.data.detokenizers import DETOKENIZERS
from zoo.data.tokenizers import Tokenizer

SEPARATOR = "\f"  # between the documents of a bundled file
BUNDLED = Path(__file__).parent


@dataclass(frozen=True)
class Texts:
    """Documents in memory."""

    documents: tuple[str, ...]  # in order

    def __len__(self) -> int:
        return len(self.documents)

    def __getitem__(self, index: int) -> str:
        return self.documents[index]

    @property
    def fingerprint(self) -> str:
        """The sha256 over the sums of all documents."""
        sums = (hashlib.sha256(text.encode("utf-8", "surrogatepass")) for text in self.documents)
        return hashlib.sha256(b"".join(each.digest() for each in sums)).hexdigest()

    @property
    def bytes(self) -> int:
        """Size of all documents in UTF-8."""
        return sum(len(text.encode("utf-8")) for text in self.documents)

    @property
    def characters(self) -> int:
        """Size of all documents in characters."""
        return sum(map(len, self.documents))

    @property
    def words(self) -> int:
        """Words as stored, and one more for the end of each line, as language models count."""
        return sum(len(text.split()) + text.count("\n") for text in self.documents)

    def detokenized(self, dataset: str) -> "Texts":
        """Return the documents without the traces of the data set's tokenization."""
        detokenize = DETOKENIZERS.get(dataset)
        return Texts(tuple(map(detokenize, self.documents))) if detokenize else self

    def tokens(self, tokenizer: Tokenizer) -> np.ndarray:
        """Return the ids of all documents, the tokenizer's end after each."""
        return np.concatenate(
            [np.array([*tokenizer.encode(text), tokenizer.end]) for text in self.documents]
        )


@dataclass(frozen=True)
class TokenFile:
    """Token ids as nanoGPT stores them: a .bin of 16 bits each, by GPT-2's tokenizer."""

    path: Path
    bytes = 0  # of the text: unknown

    @property
    def files(self) -> list[Path]:
        """The file, alone."""
        return [self.path]

    def __len__(self) -> int:
        return len(self.tokens())

    def __getitem__(self, index: int) -> int:
        return int(self.tokens()[index])

    def tokens(self, tokenizer: Tokenizer | None = None) -> np.ndarray:
        """Return the ids, memory-mapped. Raises ValueError for an empty file or an odd size."""
        if not (size := self.path.stat().st_size) or size % 2:
            raise ValueError(f"{self.path} has {size} bytes; a .bin has two for each token")
        return np.memmap(self.path, dtype="<u2", mode="r")


def open_bundled(benchmark: Benchmark, data: Path | None = None) -> Texts:
    """Return bundled texts. Raises DatasetNotFoundError if the file was changed."""
    raw = (BUNDLED / f"{benchmark.id}.txt").read_bytes()
    if hashlib.sha256(raw).hexdigest() != benchmark.sha256:
        raise DatasetNotFoundError(
            f"{benchmark.id}: the text that comes with the zoo has been changed"
        )
    return Texts(tuple(raw.decode("utf-8").split(SEPARATOR)))


def open_folder(benchmark: Benchmark, data: Path | None = None) -> Texts | TokenFile:
    """Return DATA/<name>/<split>: nanoGPT's .bin, .txt, .parquet or .jsonl files.

    Raises DatasetNotFoundError without any of these.
    """
    name, split = benchmark.dataset, benchmark.split
    texts = read_split(data / name, split) if data and (data / name).is_dir() else None
    if texts is None:
        raise DatasetNotFoundError(
            f"{benchmark.id} needs {name}/{split}.bin, .txt, .parquet or .jsonl in the folder of "
            "data (--data DIR or ZOO_DATA)"
        )
    return texts


def read_split(folder: Path, split: str) -> Texts | TokenFile | None:
    """Return the texts of one split in a folder, or None if there are none."""
    nanogpt_split = {"validation": "val"}.get(split, split)
    for binary in (folder / f"{split}.bin", folder / f"{nanogpt_split}.bin"):
        if binary.is_file():
            return TokenFile(binary)
    if files := sorted(folder.glob(f"{split}*.txt")):
        return Texts(tuple(path.read_text(encoding="utf-8") for path in files))
    if files := sorted(folder.glob(f"{split}*.parquet")):
        return read_parquet(files)
    if (path := folder / f"{split}.jsonl").is_file():
        return read_jsonl(path)
    return None


def read_jsonl(path: Path) -> Texts:
    """Return the documents of a file with {"text": ...} on each line, as the Pile is published.

    Raises ValueError for a line that is none.
    """
    documents: list[str] = []
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                documents.append(msgspec.json.decode(line, type=_JsonLine).text)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise ValueError(f"{path}:{number} is no document with a text: {error}") from None
    return Texts(tuple(documents))


class _JsonLine(msgspec.Struct):
    text: str


def read_parquet(files: Sequence[Path]) -> Texts:
    """Return the column `text` of parquet files.

    Rows that end in a newline are lines of one document, as in WikiText; other rows are documents.
    Raises ValueError for a broken file, or one without the column.
    """
    import pyarrow.parquet as pq

    rows: list[str] = []
    for path in files:
        try:
            table = pq.read_table(path)
        except (OSError, ValueError) as error:
            cause = str(error).partition("\n")[0]
            raise ValueError(f"{path} is no whole parquet file: {cause}") from None
        if "text" not in table.column_names:
            raise ValueError(f"{path} has no column 'text'; it has {table.column_names}")
        rows += [row or "" for row in table.column("text").to_pylist()]
    lines = sum(row.endswith("\n") or not row for row in rows)
    return Texts(("".join(rows),)) if 2 * lines > len(rows) else Texts(tuple(rows))
