"""Sentences: files of data sets and what is wrong with one, sections of PEPs, vocabularies."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.sentences import write_set
from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.data.sentences import Sentences, _sentences_of, sentence_sets
from zoo.papers.protocols import SentenceProtocol

AS_STORED = SentenceProtocol(lowercase=False)


def test_open_set_with_a_test_file_reads_both(tmp_path: Path) -> None:
    folder = write_set(tmp_path, "trec")
    sentences: Any = BENCHMARKS["sentences/trec"].open(tmp_path)
    assert (len(sentences), len(sentences.training)) == (500, 5452)
    assert sentences[7] == (("Word1", "of", "0", "?"), 1)
    assert [file.name for file in sentences.files] == ["TREC.train.all", "TREC.test.all"]
    own = folder / "trec"
    own.mkdir()
    for file in sentences.files:
        file.rename(own / file.name)
    moved: Any = BENCHMARKS["sentences/trec"].open(tmp_path)
    assert moved.words == sentences.words


def test_open_set_without_a_test_file_tests_every_tenth_sentence(tmp_path: Path) -> None:
    path = write_set(tmp_path, "mr") / sentence_sets()["mr"].file
    lines = [f"{i % 2} number {i} caf\xe9 \x85" for i in range(10_662)]  # \x85 is a word in Latin-1
    path.write_bytes("\r\n".join(lines).encode("latin-1"))
    sentences: Any = BENCHMARKS["sentences/mr"].open(tmp_path)
    assert (len(sentences), len(sentences.training)) == (1067, 9595)
    assert sentences[3] == (("number", "30", "caf\xe9", "\x85"), 0)
    assert [words[1] for words, _ in map(sentences.training.__getitem__, (0, 8, 9))] == [
        "1",
        "9",
        "11",
    ]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (Path.unlink, "has no TREC.test.all, nor has .*trec"),
        (lambda path: path.write_text("0 a b\n"), "500 sentences to test on, .* holds 1"),
        (lambda path: path.write_text("0 a\n\n6 b\n"), r"all:3 has the label '6', not one of 0..5"),
        (lambda path: path.write_bytes(b"\xff\x00\n"), "has the label '.*', not one of 0..5"),
    ],
)
def test_missing_or_wrong_file_is_named(
    change: Callable[[Path], object], problem: str, tmp_path: Path
) -> None:
    change(write_set(tmp_path, "trec") / "TREC.test.all")
    with pytest.raises(DatasetNotFoundError, match=problem):
        BENCHMARKS["sentences/trec"].open(tmp_path)
    with pytest.raises(DatasetNotFoundError, match="needs a folder of data"):
        BENCHMARKS["sentences/trec"].open()


def test_sections_of_a_pep_label_its_sentences() -> None:
    document = (
        "PEP: 0\n\nAbstract\n========\n\nThis is about (one) thing.  No.\nIs it about two of them?"
        "\n\n  Indented text is left out here.\n\n* An item of a list as well.\n\nTable of things::"
        "\n\nThe end of it has no mark\n\nUnknown\n=======\n\nThis is of no known class.\n\n"
        "Rejected Ideas\n==============\n\nWe do not want this.\n"
    )
    assert list(_sentences_of(document)) == [
        (0, ("This", "is", "about", "(", "one", ")", "thing", ".")),
        (0, ("Is", "it", "about", "two", "of", "them", "?")),
        (3, ("We", "do", "not", "want", "this", ".")),
    ]


def test_bundled_sentences_are_as_many_as_said_and_share_a_vocabulary() -> None:
    train, test = (BENCHMARKS[f"pep_sections/{split}"] for split in ("train", "test"))
    training: Any = train.open()
    testing: Any = test.open()
    assert (len(training), len(testing)) == (train.size, test.size)
    assert set(training.labels) == set(testing.labels) == set(range(train.classes))
    protocol = SentenceProtocol()
    assert training.vocabulary(99, protocol) == testing.vocabulary(99, protocol)


def test_vocabulary_ranks_words_of_training_and_leaves_others_out() -> None:
    training = Sentences((("b", "A", "a"), ("B", "c", "a")), (0, 1))
    sentences = Sentences((("d", "A", "b", "c", "a"),), (0,), training=training)
    small = sentences.vocabulary(2, SentenceProtocol())
    assert small.ids == {"a": 1, "b": 2}
    assert small.encode(sentences.words[0]) == [1, 2, 1]
    short = sentences.vocabulary(3, SentenceProtocol(max_words=2))
    assert short.encode(sentences.words[0]) == [1, 2]  # known words are counted alone
    stored = sentences.vocabulary(9, AS_STORED)
    assert stored.ids == {"a": 1, "A": 2, "B": 3, "b": 4, "c": 5}
    assert stored.encode(["d", "e"]) == []


def test_protocol_without_words_raises() -> None:
    with pytest.raises(ValueError, match="max_words is 1 or more, not 0"):
        SentenceProtocol(max_words=0)
