"""Sentences with a class: files of a label and words a line, and sections of the bundled PEPs.

DIR/sentences/TREC.train.all, TREC.test.all -> Sentences: (words, class)
words of the training split, by how many there are -> Vocabulary: words -> ids

Sentences of the Python Enhancement Proposals in peps_mini are labelled by a rule, not by people:
their class is the kind of section that they stand in.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from zoo.data.benchmarks import BENCHMARKS, Benchmark, DatasetNotFoundError
from zoo.papers.protocols import SentenceProtocol

TEST_EVERY = 10  # sentences of a set without a split, of which the first is for testing
DOCUMENTS_EVERY = 5  # of the PEPs
SECTIONS = {  # heading -> class: what a PEP is about, why, what it proposes, and what it does not
    "abstract": 0,
    "motivation": 1,
    "rationale": 1,
    "specification": 2,
    "proposal": 2,
    "rejected ideas": 3,
    "rejected proposals": 3,
    "rejected alternatives": 3,
    "alternatives": 3,
}
HEADING = re.compile(r"^(\S.*)\n={3,}[ \t]*\n", re.MULTILINE)
SENTENCE_END = re.compile(r"(?<=[.?!])\s+(?=[A-Z])")
WORD = re.compile(r"[A-Za-z]+|\d+|[^\sA-Za-z\d]")
LEAST_WORDS = 5  # of a sentence of a PEP

Words = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SentenceSet:
    """A data set of sentences in files."""

    file: str  # of the training split, or of all
    test_file: str = ""  # "": `file` has both
    train: int  # sentences to train on
    test: int  # sentences to test on
    classes: int


@cache
def sentence_sets() -> Mapping[str, SentenceSet]:
    """Return the data sets that the zoo knows, by their names in benchmarks.

    Example:
        >>> sentence_sets()["trec"].classes
        6
    """
    sets = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    return {name: msgspec.convert(table, SentenceSet) for name, table in sets.items()}


@dataclass(frozen=True)
class Vocabulary:
    """Ids of words: 0 is no word, the most frequent word has 1."""

    ids: Mapping[str, int]
    protocol: SentenceProtocol

    def encode(self, words: Sequence[str]) -> list[int]:
        """Return the ids of the first words that have one; others are left out.

        Example:
            >>> Vocabulary({"who": 1, "?": 2}, SentenceProtocol()).encode(["Who", "is", "it", "?"])
            [1, 2]
        """
        known = (self.ids[w] for w in self.protocol.spelled(words) if w in self.ids)
        return list(islice(known, self.protocol.max_words))


@dataclass(frozen=True, eq=False)
class Sentences:
    """One split. As samples: (words, class)."""

    words: Sequence[Words]
    labels: Sequence[int]  # 0..classes-1
    files: tuple[Path, ...] = ()  # that both splits were read from
    training: "Sentences | None" = None  # the training split of a test split

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, index: int, /) -> tuple[Words, int]:
        return self.words[index], self.labels[index]

    def vocabulary(self, size: int, protocol: SentenceProtocol) -> Vocabulary:
        """Return ids 1..size of the most frequent words of the training split.

        Of words that are as frequent, the first in the alphabet come first.
        """
        counts: Counter[str] = Counter()
        for words in (self.training or self).words:
            counts.update(protocol.spelled(words))
        ranked = sorted(counts, key=lambda word: (-counts[word], word))[:size]
        return Vocabulary({word: i for i, word in enumerate(ranked, 1)}, protocol)


def open_set(benchmark: Benchmark, data: Path | None = None) -> Sentences:
    """Return the test split of a data set, with its training split.

    Raises:
        DatasetNotFoundError: A file is not there, or not whole.
    """
    folder, entry = benchmark.require_folder(data), sentence_sets()[benchmark.split]
    files = [_find(folder, benchmark.split, name) for name in (entry.file, entry.test_file) if name]
    lines = [_read(file, entry.classes) for file in files]
    if entry.test_file:
        training, testing = lines
    else:
        training = [line for i, line in enumerate(lines[0]) if i % TEST_EVERY]
        testing = lines[0][::TEST_EVERY]
    for split, size, part in (("train", entry.train, training), ("test", entry.test, testing)):
        if len(part) != size:
            raise DatasetNotFoundError(
                f"{benchmark.id} has {size:,} sentences to {split} on, {folder} holds {len(part):,}"
            )
    return _split(training, testing, files)


def open_peps(benchmark: Benchmark, data: Path | None = None) -> Sentences:
    """Return a split of the sentences of the bundled PEPs, of which every fifth is for testing."""
    documents: list[str] = []
    for split in ("train", "validation"):
        texts: Any = BENCHMARKS[f"peps_mini/{split}"].open()
        documents.extend(texts.documents)
    training, testing = (
        [
            sentence
            for i, document in enumerate(documents)
            if (i % DOCUMENTS_EVERY == 0) == is_test
            for sentence in _sentences_of(document)
        ]
        for is_test in (False, True)
    )
    whole = _split(training, testing, ())
    assert whole.training
    return whole if benchmark.split == "test" else whole.training


Lines = list[tuple[int, Words]]


def _split(training: Lines, testing: Lines, files: Sequence[Path]) -> Sentences:
    (train_labels, train), (test_labels, test) = (zip(*p, strict=True) for p in (training, testing))
    first = Sentences(train, train_labels, tuple(files))
    return Sentences(test, test_labels, tuple(files), first)


def _find(folder: Path, name: str, file: str) -> Path:
    """Return a file in the folder of all sets, or in the set's own below it."""
    for path in (folder / name / file, folder / file):
        if path.is_file():
            return path
    raise DatasetNotFoundError(f"{folder} has no {file}, nor has {folder / name}")


def _read(path: Path, classes: int) -> Lines:
    """Return labels and words of the lines of a file, in UTF-8 or else Latin-1."""
    raw = path.read_bytes()
    try:
        raw.decode("utf-8")
        encoding = "utf-8"
    except UnicodeDecodeError:
        encoding = "latin-1"
    lines: Lines = []
    for number, line in enumerate(raw.split(b"\n"), 1):
        if not (parts := line.split()):
            continue
        if not parts[0].isdigit() or int(parts[0]) >= classes:
            label = parts[0].decode("utf-8", "replace")
            raise DatasetNotFoundError(
                f"{path}:{number} has the label {label!r}, not one of 0..{classes - 1}"
            )
        lines.append((int(parts[0]), tuple(part.decode(encoding) for part in parts[1:])))
    return lines


def _sentences_of(document: str) -> Iterator[tuple[int, Words]]:
    """Yield class and words of the sentences in the sections of a PEP that have a class.

    Paragraphs that are indented, lists, directives or code are left out.
    """
    pieces = HEADING.split(document)
    for heading, body in zip(pieces[1::2], pieces[2::2], strict=True):
        if (label := SECTIONS.get(heading.strip().lower())) is None:
            continue
        for paragraph in re.split(r"\n\s*\n", body.strip("\n")):
            if paragraph.startswith((" ", "..", "* ", "- ")) or "::" in paragraph:
                continue
            for sentence in SENTENCE_END.split(" ".join(paragraph.split())):
                words = tuple(WORD.findall(sentence))
                if len(words) >= LEAST_WORDS and words[-1] in ".?!":
                    yield label, words
