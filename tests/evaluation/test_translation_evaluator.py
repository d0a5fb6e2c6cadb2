"""Translation: parallel texts, tokens to the end, sacreBLEU's corpus score, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from sacrebleu.metrics.bleu import BLEU
from torch import Tensor, nn

import zoo
from tests.support.cli import run_cli
from tests.support.evaluation import evaluate
from zoo.checkpoints.writing import save_safetensors
from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.data.translation import open_folder
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.evaluators.translation import TranslationEvaluator
from zoo.evaluation.samples import NonFiniteOutputError, UnreadableSampleError
from zoo.models._builder import build_model
from zoo.papers.protocols import TranslationProtocol

SOURCES = ("the cat sat on the mat", "a dog", "it rains again today , they say")
REFERENCES = ("the cat sat on a mat", "a dog", "it rains today , so they say")
END = 256


class Copier(nn.Module):
    """A translator that copies its source, token by token, and ends there."""

    def __init__(self) -> None:
        super().__init__()
        self.context, self.vocab = 64, 257
        self.weight = nn.Parameter(torch.ones(1))
        cfg = {"architecture": "copier", "tokenizer": "bytes", "vocab_size": 257}
        vars(self)["pretrained_cfg"] = cfg

    def encode(self, source: Tensor, mask: Tensor | None) -> Tensor:
        return source if mask is None else source.where(mask, END)

    def cache(self, batch: int, length: int) -> Any:
        return zoo.create("deepnorm_translation_nano").cache(batch, length)

    def decode(self, ids: Tensor, source: Tensor, cache: Any) -> Tensor:
        cache.filled += 1
        return 9 * nn.functional.one_hot(source[:, cache.filled - 1, None], 257) * self.weight

    def forward_head(self, x: Tensor) -> Tensor:
        return x


def write(folder: Path, sources: Any = SOURCES, references: Any = REFERENCES) -> Path:
    """A folder of parallel texts."""
    for name, lines in (("source", sources), ("reference", references)):
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def evaluator(folder: Path, network: Any, **protocol: Any) -> TranslationEvaluator:
    made = TranslationEvaluator(network, open_folder(folder), TranslationProtocol(**protocol))
    made.prepare(torch.device("cpu"), EvalConfig())
    return made


def predictions(made: TranslationEvaluator) -> dict[int, Any]:
    batch = [(i, made.load(i)) for i in range(made.size)]
    return {index: tuple(values) for index, *values in made.predict(batch)}


def test_evaluator_of_copier_scores_sources_by_sacrebleu(tmp_path: Path) -> None:
    made = evaluator(write(tmp_path), Copier())
    actual = predictions(made)
    assert [text for (text,) in actual.values()] == list(SOURCES)
    record = made.compute(actual)
    expected = BLEU().corpus_score(list(SOURCES), [list(REFERENCES)]).score
    assert record["scores"]["bleu"]["value"] == expected
    assert 20 < expected < 90
    short = predictions(evaluator(tmp_path, Copier(), max_tokens=5))
    assert [text for (text,) in short.values()] == [text[:4] for text in SOURCES]
    assert evaluator(tmp_path, Copier(), tokenize="char").compute(actual) != record


@pytest.mark.parametrize(
    ("sources", "references", "message"),
    [
        (SOURCES, REFERENCES[:2], r"source\.txt has 3 lines, .*reference\.txt 2"),
        (("a", "", "b"), REFERENCES, "source.txt:2 is empty; a line holds a sentence"),
        ((), ("",), "source.txt:1 is empty"),
    ],
)
def test_open_folder_lines_that_do_not_pair_raises(
    tmp_path: Path, sources: Any, references: Any, message: str
) -> None:
    with pytest.raises(DatasetNotFoundError, match=message):
        open_folder(write(tmp_path, sources, references))


def test_open_folder_files_missing_or_in_latin_1_raises(tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match=r"there is no file .*source\.txt"):
        open_folder(tmp_path)
    write(tmp_path)
    (tmp_path / "reference.txt").write_bytes(b"stra\xdfe\n")
    with pytest.raises(DatasetNotFoundError, match=r"reference\.txt is no UTF-8, at byte 4"):
        open_folder(tmp_path)


def test_benchmark_of_wmt_with_too_few_sentences_raises(tmp_path: Path) -> None:
    folder = tmp_path / "wmt17_en_de"
    folder.mkdir()
    for language in ("en", "de"):
        (folder / f"newstest2017.{language}").write_text("A.\nB.\n", encoding="utf-8")
    with pytest.raises(DatasetNotFoundError, match=r"has 3,004 sentences, .* holds 2"):
        BENCHMARKS["wmt17_en_de/newstest2017"].open(tmp_path)


def test_evaluator_refuses_what_does_not_fit(tmp_path: Path) -> None:
    network: Any = Copier()
    with pytest.raises(UnreadableSampleError, match=r"source\.txt:2 has 63 tokens, more than 62"):
        evaluator(write(tmp_path, ("a", "b" * 63), "ab"), network).load(1)
    network.weight.data.fill_(torch.nan)
    with pytest.raises(NonFiniteOutputError, match=r"source\.txt:1: the network's output"):
        predictions(evaluator(write(tmp_path, "a", "b"), network))
    network.pretrained_cfg["vocab_size"] = 100
    with pytest.raises(ValueError, match="the tokenizer bytes has 257 ids, the network 100"):
        evaluator(tmp_path, network)
    network.pretrained_cfg["tokenizer"] = ""
    with pytest.raises(ValueError, match="the paper of copier names no tokenizer: say which by"):
        evaluator(tmp_path, network)
    with pytest.raises(ValueError, match="beams and max_tokens are 1 or more, not 1 and 0"):
        TranslationProtocol(max_tokens=0)


def test_evaluate_file_on_folder_scores_every_sentence(tmp_path: Path) -> None:
    """`zoo evaluate`, by bytes or another tokenizer; what is no folder of texts is refused."""
    file, args = tmp_path / "weights.safetensors", {"layers": 1, "decoder_layers": 1}
    state = build_model("deepnorm_translation_nano", **args).state_dict()
    state["decoder.0.ffn_sum.weight"] = torch.zeros(80)
    state["decoder.0.ffn_sum.bias"] = state["tok_embeddings.weight"][END].clone()  # ends at once
    save_safetensors(state, file, {})
    options = ("--model", "deepnorm_translation_nano", "--args", json.dumps(args), "--benchmark")
    record = evaluate(file, *options, write(tmp_path))
    assert (record["samples"], record["benchmark"]) == (3, str(tmp_path))
    assert record["benchmark_version"].startswith("sha256 ")
    protocol = {"beams": 1, "length_penalty": 1.0, "max_tokens": 200, "tokenize": "13a"}
    assert record["protocol"] == protocol
    assert record["scores"]["bleu"]["value"] == 0
    result = run_cli("evaluate", file, *options, tmp_path / "nowhere")
    assert result.code
    assert "nowhere is no folder of source.txt and reference.txt, nor a benchmark" in result.err
