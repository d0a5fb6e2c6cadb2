"""`zoo diagnose`: whose number it is, what is refused, what is printed."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from tests.claims.test_diagnosis_classification import (
    DIGITS,
    IMAGENET,
    NAME,
    by_imagenet,
    padded_in_front,
)
from tests.support.cli import run_cli
from tests.support.patching import replace_everywhere
from zoo.claims.diagnosis import explain
from zoo.claims.diagnosis.reference import Reference, look_up
from zoo.cli import app
from zoo.data.benchmarks import BENCHMARKS, Benchmark
from zoo.evaluation import ledger
from zoo.models._registry import parse_name


def test_explain_without_number_uses_reference_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = Reference(None, "error", "", None)
    replace_everywhere(monkeypatch, "zoo.claims.diagnosis.reference.look_up", lambda *args: known)
    explanation = explain(NAME, groups=["mirrored", "labels"])
    assert explanation.benchmark == DIGITS  # their first
    assert explanation.reported is None
    assert explanation.explained
    assert [t.group for t in explanation.tried] == [
        "labels",
        "labels",
        "mirrored",
    ]  # most moved first
    assert "no number is known" in explanation.sentence
    known = Reference(Decimal("8.75"), "error", "the paper's", None)
    explanation = explain(NAME, groups=["labels"])
    assert explanation.explained  # nobody asked for an answer
    assert "8.75 %, the paper's" in explanation.sentence


def test_look_up_record_gives_number_and_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    record = {
        "kind": "evaluation",
        "weights": "gpt2_nano.zoo_peps",
        "benchmark": "peps_mini/validation",
        "date": "2026-11-21T11:40:00Z",
        "protocol": {"name": "peps-mini", "context": 128, "stride": 64},
        "scores": {"loss": {"value": 1.69744}},
    }
    monkeypatch.setattr(ledger, "latest", lambda records, **fields: record)
    weights = parse_name("gpt2_nano.zoo_peps")[1]
    known = look_up(weights, "peps_mini/validation", "", ("loss",))
    assert str(known.number) == "1.6974"
    assert "2026-11-21" in known.source
    assert (known.protocol.context, known.protocol.stride) == (128, 64)
    digits = parse_name(NAME)[1]
    record |= {"protocol": {}, "scores": {"error": {"value": 0.5556}}}
    assert str(look_up(digits, DIGITS, "accuracy", ("accuracy", "error")).number) == "99.44"


def test_look_up_claim_gives_number_and_protocol() -> None:
    weights = replace(parse_name("rcan_tiny_x4.zoo_photos")[1], name="rcan_x4.somebodys")
    known = look_up(weights, "set5/bi_x4", "", ("psnr", "ssim"))
    assert (str(known.number), known.metric) == ("32.63", "psnr")
    assert "the paper's 32.63 dB (rcan, Table 2)" in known.source
    assert known.protocol.forward_chop == (10, 160_000)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("resnet20.zoo_digit",), "has no weights called"),
        ((NAME, "--benchmark", "digit/test"), "the zoo has no benchmark 'digit/test'"),
        (
            (NAME, "--benchmark", "photos/bi_x2"),
            "is not for resnet20.zoo_digits, which classifies images",
        ),
        ((NAME, "--benchmark", "cifar100/test"), "has 100 classes"),
        ((NAME, "--reported", "a lot"), "a number is one like 91.2"),
        ((NAME, "--metric", "psnr"), "the metric on digits/test is one of accuracy"),
        ((NAME, "--group", "luck"), "a group of causes is one of normalisation"),
        ((NAME, "--args", "both"), "--args is a JSON object"),
    ],
)
def test_explain_command_bad_input_raises(
    args: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "cifar100/test" in args:
        monkeypatch.setattr(Benchmark, "open", lambda self, data=None: [])
    done = CliRunner().invoke(app, ["diagnose", *args])
    assert isinstance(done.exception, ValueError | LookupError)
    assert message in str(done.exception)


def test_explain_command_prints_text_and_json() -> None:
    whole = BENCHMARKS[DIGITS].open()
    number = padded_in_front(whole)
    code, out, _ = run_cli("diagnose", NAME, "--reported", number, "--group", "network")
    assert code == 0
    for part in ("on both sides", "explains it", "360 images", f"{number} % is what these"):
        assert part in out
    code, out, _ = run_cli("diagnose", NAME, "--reported", "42.42", "--group", "labels", "--json")
    assert code == 1
    values = json.loads(out)
    assert (values["explained"], values["reported"], values["samples"]) == (False, "42.42", 360)
    assert {tried["group"] for tried in values["tried"]} == {"labels"}
    options = ["--mean", *map(str, IMAGENET[0]), "--std", *map(str, IMAGENET[1])]
    options += ["--args", '{"padding": "end"}', "--group", "labels"]
    code, out, _ = run_cli("diagnose", NAME, *options, "--reported", by_imagenet(whole))
    assert code == 0
    assert "fits" in out
