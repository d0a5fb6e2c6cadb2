"""Texts scored token by token: windows, files, the texts that come with the zoo, the objective."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from configs import language as recipes
from tests.models.test_all_language_models import small
from zoo.data import texts as language
from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.data.texts import Texts, TokenFile
from zoo.data.tokenizers import ByteTokenizer
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.engine import evaluate
from zoo.evaluation.evaluators.language_modeling import (
    LanguageModelingEvaluator,
    SlidingWindows,
)
from zoo.models._builder import build_model
from zoo.models._registry import get_entry, stored_counts
from zoo.papers.protocols import SlidingWindowProtocol
from zoo.training import to_repr
from zoo.training.language_modeling import OPTIMIZER, NextToken


@given(st.integers(2, 60), st.integers(1, 12), st.integers(0, 12))
def test_sliding_windows_score_every_token_once(count: int, context: int, stride: int) -> None:
    reading = SlidingWindowProtocol(context=context, stride=min(stride, context))
    windows, scored = SlidingWindows(count, reading), []
    for i in range(len(windows)):
        first, last, seen = windows[i]
        assert last - first <= context
        scored += range(seen + 1, last + 1)
    assert scored == list(range(1, count))


@pytest.mark.parametrize("reading", [{"context": 0}, {"context": 8, "stride": 9}])
def test_sliding_window_protocol_invalid_sizes_are_named(reading: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="context is 1 or more"):
        SlidingWindowProtocol(**reading)
    assert SlidingWindowProtocol(context=8, stride=8).stride == 8


def direct(model: Any, tokens: np.ndarray, context: int, stride: int) -> float:
    """Each token's nats from a forward pass of its own, over what its window shows before it."""
    nats = 0.0
    ids = torch.from_numpy(tokens.astype(np.int64))
    for target in range(1, len(tokens)):
        start, end = 0, context
        while target > end:
            start, end = start + stride, start + stride + context
        logits = model(ids[None, start:target])[0, -1]
        nats -= float(logits.log_softmax(-1)[ids[target]].detach())
    return nats


@pytest.mark.parametrize(("context", "stride"), [(8, 0), (8, 3), (8, 8), (24, 5), (1, 0)])
@pytest.mark.parametrize("batch_size", [1, 3, 16])
def test_language_modeling_nll_matches_direct_sum(
    context: int, stride: int, batch_size: int
) -> None:
    model = small("zoo.models.transformer_pp.model:TransformerPP")
    tokens = np.arange(45) ** 2 % 53
    protocol = SlidingWindowProtocol(context=context, stride=stride)
    evaluator = LanguageModelingEvaluator(model, tokens, protocol, size_in_bytes=45)
    scores = evaluate(evaluator, EvalConfig(batch_size=batch_size))["scores"]
    loss = scores["loss"]
    assert loss["total"] == 44
    assert loss["count"] == pytest.approx(
        direct(model, tokens, context, stride or context), abs=1e-4
    )
    assert loss["value"] == loss["count"] / 44
    assert scores["perplexity"]["value"] == pytest.approx(2.718281828 ** loss["value"])
    assert scores["bits_per_byte"]["value"] == pytest.approx(loss["count"] / 0.69314718 / 45)


@pytest.mark.parametrize(
    ("tokens", "context", "message"),
    [
        (np.arange(9), 25, "windows of 25 tokens are longer than the context of 24"),
        (np.arange(1), 8, "fewer than two tokens"),
        (np.arange(60), 8, r"the texts have the id 59; the model has 0\.\.52"),
    ],
)
def test_language_modeling_unscorable_tokens_raise(
    tokens: np.ndarray, context: int, message: str
) -> None:
    model = small("zoo.models.transformer_pp.model:TransformerPP")
    with pytest.raises(ValueError, match=message):
        LanguageModelingEvaluator(model, tokens, SlidingWindowProtocol(context=context))


@pytest.mark.parametrize("split", ["train", "validation"])
def test_benchmark_open_bundled_texts_are_verified(
    split: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each says itself that it is in the public domain; none is in both splits."""
    benchmark = BENCHMARKS[f"peps_mini/{split}"]
    texts: Any = benchmark.open()
    assert len(texts) == benchmark.size
    assert all("public domain" in " ".join(text.split()) for text in texts)
    assert texts.bytes == sum(map(len, texts))  # ASCII
    other: Any = BENCHMARKS[f"peps_mini/{'train' if split != 'train' else 'validation'}"].open()
    assert not set(texts) & set(other)
    tokens = texts.tokens(ByteTokenizer())
    assert (len(tokens), (tokens == 256).sum()) == (texts.bytes + len(texts), len(texts))

    shutil.copytree(language.BUNDLED / "peps_mini", tmp_path / "peps_mini")
    (tmp_path / f"{benchmark.id}.txt").write_text("something else")
    monkeypatch.setattr(language, "BUNDLED", tmp_path)
    with pytest.raises(DatasetNotFoundError, match="has been changed"):
        benchmark.open()


def test_benchmark_open_reads_bin_txt_and_parquet(tmp_path: Path) -> None:
    benchmark = BENCHMARKS["peps/validation"]
    with pytest.raises(
        DatasetNotFoundError, match=r"needs peps/validation\.bin, \.txt, \.parquet or \.jsonl"
    ):
        benchmark.open(tmp_path)
    folder = tmp_path / "peps"
    folder.mkdir()
    pq.write_table(pa.table({"text": ["one", "two"]}), folder / "validation-0.parquet")
    assert benchmark.open(tmp_path) == Texts(("one", "two"))
    (folder / "validation.txt").write_text("three")
    assert benchmark.open(tmp_path) == Texts(("three",))
    np.array([5, 50256], dtype="<u2").tofile(folder / "val.bin")
    tokens: Any = benchmark.open(tmp_path)
    assert tokens == TokenFile(folder / "val.bin")
    assert (tokens.tokens().tolist(), len(tokens), tokens[1]) == ([5, 50256], 2, 50256)
    pq.write_table(pa.table({"words": ["one"]}), folder / "other.parquet")
    with pytest.raises(ValueError, match=r"has no column 'text'; it has \['words'\]"):
        language.read_parquet([folder / "other.parquet"])


def test_read_parquet_lines_form_one_text(tmp_path: Path) -> None:
    """As WikiText is published."""
    lines = ["\n", " = Title = \n", "\n", " Words . \n"]
    pq.write_table(pa.table({"text": lines}), tmp_path / "t.parquet")
    assert language.read_parquet([tmp_path / "t.parquet"]) == Texts(("".join(lines),))


def test_next_token_batches_loss_and_errors_match() -> None:
    objective = NextToken(context=32, steps=4)
    windows = objective.load("peps_mini/train", 3, {}, None)
    tokens: Any = BENCHMARKS["peps_mini/train"].open()
    tokens = tokens.tokens(ByteTokenizer())

    def batches(seed: int) -> list[tuple[Tensor, Tensor]]:
        return list(windows.batches(torch.Generator().manual_seed(seed)))

    first = batches(0)
    assert (len(first), first[0][0].shape) == (4, (3, 32))
    for x, y in first:
        assert torch.equal(x[:, 1:], y[:, :-1])
        text = bytes(int(i) % 256 for i in x[0])
        assert text[:20] in bytes(t % 256 for t in tokens)
    assert all(torch.equal(a[0], b[0]) for a, b in zip(first, batches(0), strict=True))
    assert not torch.equal(first[0][0], batches(1)[0][0])

    logits = torch.randn(2, 5, 7, generator=torch.Generator().manual_seed(0))
    target = logits.argmax(-1)
    target[0, 0] = (target[0, 0] + 1) % 7
    assert objective.metric_sum(logits, target) == pytest.approx(2 * 10.0)
    expected = -logits.log_softmax(-1).gather(-1, target[..., None]).mean()
    torch.testing.assert_close(objective.loss(logits, target), expected)
    with pytest.raises(DatasetNotFoundError, match="fewer than one window needs"):
        NextToken(context=10**7).load("peps_mini/train", 3, {}, None)


def test_language_recipes_share_budget_and_schedule() -> None:
    """One budget for all; MUDDFormer has no more parameters than Transformer++."""
    made = [getattr(recipes, name) for name in recipes.MODELS]
    same = ("dataset", "epochs", "batch_size", "lr", "clip", "objective", "optimizer", "precision")
    assert len({tuple(map(str, (getattr(r, k) for k in same))) for r in made}) == 1
    params = {r.model: stored_counts(get_entry(r.model))["params"] for r in made}
    assert 0 <= params["transformer_pp_nano"] - params["muddformer_nano"] < 1000
    assert params["gpt2_nano"] == params["loop_gpt2_nano_x2"] < 1_000_000
    blocks = params["gpt2_nano"] - (257 + 256) * 80 - 2 * 80
    assert params["gpt2_nano"] - params["loop_gpt2_nano"] == blocks // 2
    groups = OPTIMIZER(build_model("gpt2_nano").parameters(), lr=1.0).param_groups
    assert [(g["weight_decay"], {p.dim() for p in g["params"]}) for g in groups] == [
        (0.1, {2}),
        (0.0, {1}),
    ]
    schedule = made[0].schedule
    assert [schedule(s) for s in (0.0, 0.01, 0.02, 0.51, 1.0)] == pytest.approx(
        [0, 0.5, 1, 0.55, 0.1]
    )
    assert to_repr(OPTIMIZER).startswith("decay_matrices_only(functools.partial(<class")
