"""Parallel texts: a sentence a line, and its translation in the same line of another file.

DIR/wmt17_en_de/newstest2017.en, newstest2017.de -> ParallelText: (source, reference)

sacreBLEU writes the files of WMT: `sacrebleu -t wmt17 -l en-de --echo src > newstest2017.en`, and
`--echo ref > newstest2017.de`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.data.benchmarks import Benchmark, DatasetNotFoundError

NAMES = ("source.txt", "reference.txt")  # of any other texts, in a folder


@dataclass(frozen=True, eq=False)
class ParallelText:
    """Sentences with their translation. As samples: (source, reference)."""

    sources: Sequence[str]
    references: Sequence[str]
    files: tuple[Path, Path]

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, index: int, /) -> tuple[str, str]:
        return self.sources[index], self.references[index]

    def where(self, index: int) -> str:
        """Return the file and the line of a sentence."""
        return f"{self.files[0]}:{index + 1}"


def read_parallel(source: Path, reference: Path) -> ParallelText:
    """Read two files in UTF-8.

    Args:
        source: A sentence a line.
        reference: The translation of each, in the same line.

    Returns:
        The pairs.

    Raises:
        DatasetNotFoundError: A file is not there, is no UTF-8, holds a line that is empty or none
            at all, or has another number of lines.
    """
    first, second = (_lines(path) for path in (source, reference))
    if len(first) != len(second):
        raise DatasetNotFoundError(
            f"{source} has {len(first):,} lines, {reference} {len(second):,}; line by line, one is "
            "the translation of the other"
        )
    return ParallelText(first, second, (source, reference))


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except FileNotFoundError:
        raise DatasetNotFoundError(f"there is no file {path}") from None
    except UnicodeDecodeError as error:
        raise DatasetNotFoundError(f"{path} is no UTF-8, at byte {error.start}") from None
    empty = next((number for number, line in enumerate(lines, 1) if not line.strip()), 0)
    if empty:
        raise DatasetNotFoundError(f"{path}:{empty} is empty; a line holds a sentence")
    return lines


def open_wmt(benchmark: Benchmark, data: Path | None = None) -> ParallelText:
    """Return a test set of WMT, English to German.

    Raises:
        DatasetNotFoundError: A file is not there, or not whole.
    """
    folder = benchmark.require_folder(data)
    text = read_parallel(folder / f"{benchmark.split}.en", folder / f"{benchmark.split}.de")
    benchmark.require_size(len(text), folder, "sentences")
    return text


def open_folder(folder: Path) -> ParallelText:
    """Return the pairs of a folder's source.txt and reference.txt. Raises DatasetNotFoundError."""
    return read_parallel(*(folder / name for name in NAMES))
