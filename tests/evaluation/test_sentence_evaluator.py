"""The evaluator of sentences: ids, padding, errors, networks of other sizes."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from zoo.data.benchmarks import BENCHMARKS
from zoo.data.sentences import Sentences
from zoo.evaluation import tasks
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.engine import evaluate
from zoo.papers.protocols import SentenceProtocol

TASK = tasks.TASKS["sentence-classification"]
BENCHMARK = BENCHMARKS["pep_sections/test"]  # of four classes
TRAINING = Sentences((("zero", "zero"), ("one", "Two")), (0, 1))
SENTENCES = Sentences((("Zero", "x"), ("one", "zero", "one"), ("x",)), (0, 1, 2), training=TRAINING)


class Counts(nn.Module):
    """Logits: how often each id of a class stands in a sentence."""

    def __init__(self, classes: int = 4, vocab: int = 3) -> None:
        super().__init__()
        self.shapes: list[tuple[int, ...]] = []
        sizes = {"architecture": "counts", "vocab_size": vocab, "classes": classes}
        vars(self)["pretrained_cfg"] = sizes

    def forward(self, ids: Tensor) -> Tensor:
        self.shapes.append(tuple(ids.shape))
        places = torch.tensor([1, 2, 0, 3], device=ids.device)  # the third class has padding
        return (ids[:, :, None] == places).sum(1).float()


def scores(network: Any, sentences: Sentences = SENTENCES, **config: Any) -> dict[str, Any]:
    evaluator = TASK.evaluator(network, sentences, SentenceProtocol(), BENCHMARK)
    return evaluate(evaluator, EvalConfig(**config))


def test_error_counts_classes_of_known_words() -> None:
    network = Counts()
    result = scores(network, batch_size=1)
    assert result["samples"] == 3
    assert result["scores"]["error"]["count"] == 0
    assert network.shapes == [(1, 1), (1, 3), (1, 1)]  # "x" alone is one 0


def test_batch_is_padded_to_its_longest_sentence() -> None:
    network = Counts()
    result = scores(network, batch_size=3)
    assert network.shapes == [(3, 3)]
    assert result["scores"]["error"]["count"] == 1  # two of three ids are padding in the first


def test_other_number_of_classes_raises() -> None:
    with pytest.raises(ValueError, match="counts has 3 classes, the sentences have 4"):
        scores(Counts(classes=3))


def test_output_that_is_not_finite_names_sentence() -> None:
    network = Counts()
    network.register_forward_hook(lambda module, args, y: y / y[:, :1])
    with pytest.raises(ValueError, match="the network's output is not finite"):
        scores(network)


def test_contents_are_those_of_the_files(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("x")
    whole = Sentences(**{**vars(SENTENCES), "files": (file,)})
    evaluator = TASK.evaluator(Counts(), whole, SentenceProtocol(), BENCHMARK)
    before = evaluator.contents()
    file.write_text("y")
    assert before != evaluator.contents() != ""


def test_card_texts_say_what_becomes_of_words() -> None:
    first, second = TASK.preprocessing({"vocab_size": 10_001, "classes": 4})
    assert "10,000 most frequent words" in first
    assert first.endswith("the first 50 known words, in small letters.")
    assert second == "4 classes."
    assert "as stored" in TASK.describe_protocol({"max_words": 9, "lowercase": False})
