"""Diagnosis of language models: `explain` names a mistake that other code makes here."""

import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import zoo
from tests.claims.test_diagnosis_super_resolution import named
from zoo.claims.diagnosis.causes import UserSettings
from zoo.claims.diagnosis.language_modeling import LanguageModelTarget, alter
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.texts import Texts, TokenFile
from zoo.evaluation.engine import evaluate
from zoo.evaluation.evaluators.language_modeling import LanguageModelingEvaluator
from zoo.papers.protocols import SlidingWindowProtocol

LM = "gpt2_nano.zoo_peps"
NOTHING = UserSettings({}, {}, None, 0)


@cache
def reader() -> LanguageModelTarget:
    """On the first 4,000 characters of a text."""
    texts = BENCHMARKS["peps_mini/validation"].open()
    short = Texts((texts[0][:2000], texts[1][:2000]))
    model = zoo.create(LM, pretrained=True)
    return LanguageModelTarget(LM, model, BENCHMARKS["peps_mini/validation"], short, NOTHING)


@cache
def ids() -> torch.Tensor:
    subject = reader()
    return torch.tensor(subject._ids("").astype(np.int64))


def losses(context: int, model: Any = None, take: Any = None) -> list[torch.Tensor]:
    """Of windows side by side, by plain torch."""
    model = model or zoo.create(LM, pretrained=True)
    x = ids() if take is None else take
    parts = []
    for start in range(0, len(x) - 1, context):
        part = x[start : start + context + 1]
        with torch.no_grad():
            logits = model(part[None, :-1])[0].float()
        parts.append(F.cross_entropy(logits, part[1:], reduction="none"))
    return parts


def in_half_windows() -> float:
    return torch.cat(losses(128)).mean().item()


def in_bits() -> float:
    return torch.cat(losses(256)).mean().item() / math.log(2)


def without_the_first() -> float:
    return torch.cat(losses(256)[1:]).mean().item()


def from_the_first_token() -> float:
    line = torch.cat([torch.tensor([256]), ids()])
    return torch.cat(losses(256, take=line)).mean().item()


def in_lower_case() -> float:
    texts = [text.lower() for text in reader().texts.documents]
    line = [token for text in texts for token in [*text.encode(), 256]]
    return torch.cat(losses(256, take=torch.tensor(line))).mean().item()


def in_bf16() -> float:
    model = zoo.create(LM, pretrained=True).to(torch.bfloat16)
    return torch.cat(losses(256, model)).double().mean().item()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mistake", "cause"),
    [
        (in_half_windows, "in windows of 128 tokens"),
        (in_bits, "with bits and nats confused"),
        (without_the_first, "without the first window"),
        (from_the_first_token, "with a token before the text, so that its first token is scored"),
        (in_lower_case, "on the text in lower case"),
        (in_bf16, "in bf16"),
    ],
)
def test_diagnosis_wrong_loss_names_cause(mistake: Callable[[], float], cause: str) -> None:
    causes = named(reader(), "loss", f"{mistake():.4f}")
    assert any(one.startswith(cause) for one in causes)
    assert len(causes) <= 2, causes


def test_diagnosis_mean_window_perplexity_names_cause() -> None:
    number = np.mean([loss.mean().exp().item() for loss in losses(256)])
    causes = named(reader(), "perplexity", f"{number:.3f}")
    assert causes == ["as the mean over windows instead of over tokens"]


def test_target_measure_equals_evaluator_scores() -> None:
    subject = reader()
    model, protocol = zoo.create(LM, pretrained=True), SlidingWindowProtocol(context=256)
    evaluator = LanguageModelingEvaluator(model, ids().numpy(), protocol, subject.texts.bytes)
    for metric, score in evaluate(evaluator)["scores"].items():
        measured = subject.measure(subject.base, metric)
        assert measured.value == pytest.approx(score["value"], rel=1e-6)
        assert measured.slack == 0


def test_target_measure_subset_of_windows_has_sampling_slack() -> None:
    texts = BENCHMARKS["peps_mini/validation"].open()
    model = zoo.create(LM, pretrained=True)
    some = LanguageModelTarget(
        LM, model, BENCHMARKS["peps_mini/validation"], texts, UserSettings({}, {}, None, 20)
    )
    assert some.samples == 20
    measured = some.measure(some.base, "loss")
    assert measured.slack > 0.05
    assert measured.off(1.6974) == 0  # of all windows, as recorded
    benchmark, one = BENCHMARKS["peps_mini/validation"], UserSettings({}, {}, None, 1)
    with pytest.raises(ValueError, match="one window has no sampling error"):
        LanguageModelTarget(LM, model, benchmark, texts, one)


def test_target_token_file_has_no_text_causes(tmp_path: Path) -> None:
    texts = Texts(("A  \n\nB\n",))
    assert alter(texts, "lower").documents == ("a  \n\nb\n",)
    assert alter(texts, "stripped").documents == ("A\nB",)
    assert alter(texts, "one line").documents == ("A    B ",)
    np.arange(200, dtype="<u2").tofile(tmp_path / "val.bin")
    tokens = TokenFile(tmp_path / "val.bin")
    benchmark = BENCHMARKS["openwebtext/validation"]
    subject = LanguageModelTarget(LM, zoo.create(LM, pretrained=True), benchmark, tokens, NOTHING)
    assert not [cause for cause in subject.causes if cause.group == "text"]
    with pytest.raises(ValueError, match="bits a byte need a text"):
        subject.measure(subject.base, "bits_per_byte")
