"""`zoo evaluate` for language models: benchmarks, files, data sets; every token once; resumed."""

import json
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import datasets
import numpy as np
import pytest
import torch

from tests.conftest import first_alone
from tests.support.evaluation import evaluate
from tests.support.patching import replace_everywhere
from tests.support.processes import on_processes
from zoo.checkpoints.writing import file_sha256, save_safetensors
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.tokenizers import ByteTokenizer
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.evaluators.language_modeling import LanguageModelingEvaluator
from zoo.models._builder import build_model
from zoo.papers.protocols import SlidingWindowProtocol

TIMES = {"seconds", "peak_memory", "processes", "date"}
TEXTS: Any = BENCHMARKS["peps_mini/validation"].open()
TEXT = TEXTS[0][:200]
IDS = [*ByteTokenizer().encode(TEXT), ByteTokenizer.end]


def network() -> Any:
    """Untrained, with weights so large that it is sure of itself, and so sees what is before."""
    torch.manual_seed(0)
    model = build_model("gpt2_nano").eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4.0)
    return model


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "nano.safetensors"
    save_safetensors(network().state_dict(), path, {})
    return path


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "validation.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def run(file: Path, on: str | Path, *options: str | Path) -> dict[str, Any]:
    return evaluate(file, "--model", "gpt2_nano", "--benchmark", on, *options)


def score(record: dict[str, Any], name: str = "loss", part: str = "value") -> float:
    value: float = record["scores"][name][part]
    return value


def nats(record: dict[str, Any]) -> float:
    return score(record, part="count")


@cache
@torch.no_grad()
def direct(context: int, stride: int) -> list[float]:
    """-ln of the probability of each token but the first, one by one and in float64: in the first
    of the windows, `stride` apart, that reaches it."""
    model = network().double()
    losses = []
    for place in range(1, len(IDS)):
        start = 0
        while start + context < place:
            start += stride
        shares = model(torch.tensor([IDS[start:place]]))[0, -1].log_softmax(-1)
        losses.append(-float(shares[IDS[place]]))
    return losses


WINDOWS = [(64, 24), (10, 1), (64, 0), (64, 64), (128, 0)]


@pytest.mark.parametrize(("context", "stride"), first_alone(WINDOWS))
def test_evaluate_window_sum_equals_token_by_token_nll(
    file: Path, text: Path, context: int, stride: int
) -> None:
    expected = sum(direct(context, stride or context))
    for size in (1, 3, 64):
        options = ("--context", str(context), "--stride", str(stride), "--batch-size", str(size))
        record = run(file, text, *options)
        assert nats(record) == pytest.approx(expected, rel=1e-6)
        assert score(record, part="total") == len(IDS) - 1
    loss = expected / (len(IDS) - 1)
    assert score(record) == pytest.approx(loss, rel=1e-6)
    assert score(record, "perplexity") == pytest.approx(np.exp(loss), rel=1e-5)
    bits = expected / np.log(2) / len(TEXT.encode())
    assert score(record, "bits_per_byte") == pytest.approx(bits, rel=1e-6)
    assert record["sha256"] == file_sha256(file)


def test_answer_log_has_every_window(file: Path, text: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(file, text, "--context", "64", "--stride", "24", "--out", out)
    lines = [json.loads(x) for x in (out / "answers-0.jsonl").read_text().split("\n") if x]
    expected = direct(64, 24)
    assert [i for i, _, _ in lines] == list(range(len(lines)))
    for index, nats_of_window, count in lines:
        scored = expected[40 + 24 * index : 64 + 24 * index] if index else expected[:64]
        assert (nats_of_window, count) == (pytest.approx(sum(scored), rel=1e-5), len(scored))


def test_evaluate_interrupted_run_resumes(
    file: Path, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In other batches, with what another process had found, and with nothing scored twice."""
    out = tmp_path / "out"
    options = ("--context", "64", "--stride", "24", "--out", out)
    whole = run(file, text, *options)
    log = (out / "answers-0.jsonl").read_text().splitlines(keepends=True)[1:]
    (out / "answers-0.jsonl").write_text("".join(log[:2]) + log[2][:3])
    (out / "answers-1.jsonl").write_text("".join(log[4:6]))
    scored: list[int] = []
    predict = LanguageModelingEvaluator.predict

    def watched(evaluator: LanguageModelingEvaluator, batch: list[tuple[int, Any]]) -> Any:
        scored.extend(index for index, _ in batch)
        return predict(evaluator, batch)

    monkeypatch.setattr(LanguageModelingEvaluator, "predict", watched)
    again = run(file, text, *options, "--batch-size", "2")
    assert (scored, whole["samples"]) == ([2, 3, 6], 7)
    assert nats(again) == pytest.approx(nats(whole), rel=1e-9)
    assert score(again, part="total") == score(whole, part="total")
    with pytest.raises(ValueError, match="another setting"):
        run(file, text, "--context", "64", "--out", out)
    text.write_text(TEXT.replace("e", "E"))
    with pytest.raises(ValueError, match="another setting"):
        run(file, text, *options)


def test_nll_sum_missing_tokens_raises() -> None:
    evaluator = LanguageModelingEvaluator(
        network(), np.arange(10), SlidingWindowProtocol(context=5)
    )
    assert evaluator.total({0: (1.0, 5), 1: (2.0, 4)}) == (3.0, 9)
    with pytest.raises(RuntimeError, match="8 of 9 tokens"):
        evaluator.total({0: (1.0, 5), 1: (1.0, 3)})


def test_evaluate_interval_matches_window_bootstrap(file: Path, text: Path) -> None:
    """By a bootstrap over windows, for which the linearisation stands."""
    record = run(file, text, "--context", "8")
    evaluator = LanguageModelingEvaluator(
        network(), np.array(IDS), SlidingWindowProtocol(context=8)
    )
    evaluator.prepare(torch.device("cpu"), EvalConfig())
    with torch.inference_mode():
        parts = np.array(
            [
                row[1:]
                for i in range(evaluator.size)
                for row in evaluator.predict([(i, evaluator.load(i))])
            ]
        )
    draws = np.random.default_rng(0).integers(0, len(parts), (4000, len(parts)))
    losses = parts[draws].sum(1)
    limits = np.percentile(losses[:, 0] / losses[:, 1], [2.5, 97.5])
    assert record["scores"]["loss"]["interval"] == pytest.approx(limits, abs=0.1 * np.ptp(limits))


# Inputs


def same(actual: dict[str, Any], expected: dict[str, Any]) -> None:
    assert (actual["samples"], nats(actual)) == (expected["samples"], nats(expected))
    assert score(actual, part="total") == score(expected, part="total")
    assert actual["benchmark_version"] == expected["benchmark_version"]  # the sum of all ids


def test_evaluate_file_and_folder_inputs_score_equally(
    file: Path, text: Path, tmp_path: Path
) -> None:
    expected = run(file, text)
    assert expected["benchmark"] == str(text)
    folder = run(file, tmp_path)
    same(folder, expected)
    assert folder["benchmark"] == f"{tmp_path}/validation"
    parquet = tmp_path / "one.parquet"
    datasets.Dataset.from_dict({"text": [TEXT]}).to_parquet(parquet)
    same(run(file, parquet), expected)
    binary = tmp_path / "val.bin"
    np.array(IDS, dtype="<u2").tofile(binary)
    for on in (binary, tmp_path):  # of a folder, the .bin
        record = run(file, on, "--tokenizer", "bytes")
        same(record, expected)
        assert "bits_per_byte" not in record["scores"]


def test_evaluate_hub_dataset_joins_rows_into_one_text(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that end in a newline are lines of one text."""
    rows = datasets.Dataset.from_dict({"text": TEXT.splitlines(keepends=True)})
    asked = []

    def load(*args: Any, **options: Any) -> Any:
        asked.append((args, options))
        return rows

    monkeypatch.setattr(datasets, "load_dataset", load)
    record = run(file, "some/texts", "--subset", "raw", "--split", "test")
    assert asked == [(("some/texts", "raw"), {"split": "test"})]
    assert record["benchmark"] == "some/texts/raw/test"
    (tmp_path / "x.txt").write_text(TEXT, encoding="utf-8")
    same(record, run(file, tmp_path / "x.txt"))
    rows = rows.rename_column("text", "content")
    with pytest.raises(ValueError, match=r"some/texts has no column 'text'; it has \['content'\]"):
        run(file, "some/texts")


@pytest.mark.slow
def test_evaluate_benchmark_uses_protocol_context_and_stride(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"half": SlidingWindowProtocol(context=128, stride=64)}
    paper = SimpleNamespace(id="paper", protocol_settings=settings, weights_by_model={})
    replace_everywhere(monkeypatch, "zoo.papers.loading.load_papers", lambda: (paper,))
    record = run(file, "peps_mini/validation", "--protocol", "paper/half", "--batch-size", "32")
    assert record["protocol"] == {"context": 128, "stride": 64}
    assert (record["benchmark"], record["benchmark_version"]) == ("peps_mini/validation", 1)
    assert score(record, part="total") == TEXTS.bytes + len(TEXTS) - 1
    bits = nats(record) / np.log(2) / TEXTS.bytes
    assert score(record, "bits_per_byte") == pytest.approx(bits)
    with pytest.raises(ValueError, match=r"no protocol is called 'paper/no'; .* are paper/half"):
        run(file, "peps_mini/validation", "--protocol", "paper/no")
    with pytest.raises(ValueError, match="paper/half says context and stride"):
        run(file, "peps_mini/validation", "--protocol", "paper/half", "--stride", "9")


def test_evaluate_bf16_loss_stays_close(file: Path, text: Path) -> None:
    exact, rounded = run(file, text), run(file, text, "--precision", "bf16")
    assert score(rounded) == pytest.approx(score(exact), rel=2e-2)
    assert score(rounded) != score(exact)


@pytest.mark.slow
def test_evaluate_three_processes_match_one_process(file: Path, text: Path, tmp_path: Path) -> None:
    """The same from 1 and 3, and from 1 that goes on with what 3 have left."""
    options = ("--context", "64", "--stride", "24", "--batch-size", "4")
    out = tmp_path / "out"
    command = ("-m", "zoo.cli", "evaluate", "--json", str(file), "--model", "gpt2_nano")
    on = ("--benchmark", str(text), "--device", "cpu", "--out", str(out))
    alone, three = run(file, text, *options), json.loads(on_processes(3, *command, *on, *options))
    for n, record in ((1, alone), (3, three)):
        assert (record["processes"], score(record, part="total")) == (n, len(IDS) - 1)
    assert nats(three) == pytest.approx(nats(alone), rel=1e-7)
    (out / "answers-1.jsonl").unlink()
    again = run(file, text, *options, "--out", out)
    different = {"scores", "answers_sha256", "threads"} | TIMES
    for key in set(again) - different:
        assert again[key] == three[key], key
    assert nats(again) == pytest.approx(nats(alone), rel=1e-7)
