"""Texts to be predicted, token by token: a language model in, nats out.

texts -> tokens, one more between texts -> windows of the context -> nats of each token, summed

A window is shown to the model at once and its tokens are scored from the second on. Windows that
are `stride` apart overlap, and what an earlier one has scored is not scored again, so that every
token but the first is scored once, whatever the windows.
"""

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.benchmarks import Benchmark, NoDataError
from zoo.details import Reading
from zoo.tokens import Tokenizer

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
class Binary:
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
        raise NoDataError(f"{benchmark.id}: the text that comes with the zoo has been changed")
    return Texts(tuple(raw.decode("utf-8").split(BREAK)))


def open_folder(benchmark: Benchmark, data: Path | None = None) -> Texts | Binary:
    """Texts of DATA/<name>: <split>.bin of nanoGPT, <split>.txt, or <split>*.parquet.

    Raises NoDataError when none is there.
    """
    name, _, split = benchmark.id.partition("/")
    folder = data / name if data else None
    found = read(folder, split) if folder and folder.is_dir() else None
    if found is None:
        raise NoDataError(
            f"{benchmark.id} needs {name}/{split}.bin, .txt or .parquet in the folder of data "
            "(--data DIR or ZOO_DATA)"
        )
    return found


def read(folder: Path, split: str) -> Texts | Binary | None:
    """The texts of one split in a folder; None if there are none."""
    short = {"validation": "val"}.get(split, split)  # as nanoGPT calls it
    for binary in (folder / f"{split}.bin", folder / f"{short}.bin"):
        if binary.is_file():
            return Binary(binary)
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


class Nats(NamedTuple):
    """What was scored: the sum over `tokens` of -ln of their probability."""

    nats: float = 0.0
    tokens: int = 0

    def plus(self, other: "Nats") -> "Nats":
        return Nats(self.nats + other.nats, self.tokens + other.tokens)

    def scores(self, size: int) -> dict[str, float]:
        """Loss in nats a token, perplexity, and bits a byte if the `size` in bytes is known."""
        loss = self.nats / self.tokens
        found = {"loss": loss, "perplexity": math.exp(loss)}
        return found | ({"bits_per_byte": self.nats / math.log(2) / size} if size else {})


@dataclass(frozen=True)
class Windows:
    """`count` tokens as windows by a protocol: window i begins at i * stride."""

    count: int
    reading: Reading

    @property
    def stride(self) -> int:
        return self.reading.stride or self.reading.context

    def __len__(self) -> int:
        beyond = max(0, self.count - 1 - self.reading.context)
        return 1 + -(-beyond // self.stride) if self.count > 1 else 0

    def __getitem__(self, index: int) -> tuple[int, int, int]:
        """(first, last, from where): tokens first..last - 1 are shown, first + 1 .. last are to be
        predicted, those up to `from where` have been scored before."""
        first = index * self.stride
        last = min(first + self.reading.context, self.count - 1)
        seen = first if index == 0 else first - self.stride + self.reading.context
        return first, last, seen


@torch.inference_mode()
def score(model: nn.Module, rows: np.ndarray, places: Sequence[tuple[int, int, int]]) -> list[Nats]:
    """Of each of some windows of one length: `rows` are their ids, with the one after each. Logits
    are taken to float32, sums are in float64."""
    shown = torch.from_numpy(rows).to(next(model.parameters()).device)
    logits: Tensor = model(shown[:, :-1])
    losses = F.cross_entropy(logits.float().transpose(1, 2), shown[:, 1:], reduction="none")
    return [
        Nats(float(loss[seen - first :].double().sum()), last - seen)
        for loss, (first, last, seen) in zip(losses, places, strict=True)
    ]


def batches(windows: Windows, indices: Sequence[int], size: int) -> Iterator[list[int]]:
    """`indices` in batches of windows of one length: a shorter last window goes alone."""
    batch: list[int] = []
    for i in indices:
        first, last, _ = windows[i]
        if last - first < windows.reading.context:
            yield from ([batch] if batch else [])
            batch = []
            yield [i]
            continue
        batch.append(i)
        if len(batch) == size:
            yield batch
            batch = []
    yield from ([batch] if batch else [])


def total(model: nn.Module, tokens: np.ndarray, reading: Reading, batch_size: int = 16) -> Nats:
    """The sum over all tokens but the first. Raises ValueError for a window longer than the
    model's context, or ids that it has not."""
    check(model, tokens, reading)
    model.eval()
    windows, found = Windows(len(tokens), reading), Nats()
    for batch in batches(windows, range(len(windows)), batch_size):
        places = [windows[i] for i in batch]
        rows = np.stack([np.asarray(tokens[a : b + 1], dtype=np.int64) for a, b, _ in places])
        for part in score(model, rows, places):
            found = found.plus(part)
    if found.tokens != len(tokens) - 1:
        raise RuntimeError(f"{found.tokens} of {len(tokens) - 1} tokens were scored")
    return found


def check(model: Any, tokens: np.ndarray, reading: Reading) -> None:
    """Raises ValueError for what `total` refuses."""
    if reading.context > model.context:
        raise ValueError(
            f"windows of {reading.context} tokens are longer than the context of {model.context}"
        )
    if len(tokens) < 2:
        raise ValueError("a text of fewer than two tokens has nothing to predict")
    if (most := int(tokens.max())) >= model.vocab:
        raise ValueError(f"the texts have the id {most}; the model has 0..{model.vocab - 1}")
