"""`zoo explain`: whose number it is, what is refused, what is printed."""

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
from tests.cli.test_app import inside
from tests.support.patching import replace_everywhere
from zoo.claims.diagnosis import explain
from zoo.claims.diagnosis.reference import Known, look_up
from zoo.cli import app
from zoo.data.benchmarks import BENCHMARKS, Benchmark
from zoo.evaluation import ledger
from zoo.models._registry import parse_name


def test_explain_without_number_uses_reference_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = Known(None, "error", "", None)
    replace_everywhere(monkeypatch, "zoo.claims.diagnosis.reference.look_up", lambda *args: known)
    found = explain(NAME, groups=["mirrored", "labels"])
    assert found.benchmark == DIGITS  # their first
    assert found.number is None
    assert found.explained
    assert [t.group for t in found.tried] == ["labels", "labels", "mirrored"]  # most moved first
    assert "no number is known" in found.sentence
    known = Known(Decimal("8.75"), "error", "the paper's", None)
    found = explain(NAME, groups=["labels"])
    assert found.explained  # nobody asked for an answer
    assert "8.75 %, the paper's" in found.sentence


def test_look_up_record_gives_number_and_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    record = {
        "kind": "evaluation",
        "weights": "gpt2_nano.zoo_peps",
        "benchmark": "peps_mini/validation",
        "date": "2026-11-21T11:40:00Z",
        "protocol": {"name": "peps-mini", "context": 128, "stride": 64},
        "scores": {"loss": {"value": 1.69744}},
    }
    monkeypatch.setattr(ledger, "latest", lambda records, **wanted: record)
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
    assert known.protocol.chop == (10, 160_000)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("resnet20.zoo_digit",), "has no weights called"),
        ((NAME, "--on", "digit/test"), "the zoo has no benchmark 'digit/test'"),
        ((NAME, "--on", "photos/bi_x2"), "is not for resnet20.zoo_digits, which tells classes"),
        ((NAME, "--on", "cifar100/test"), "has 100 classes"),
        ((NAME, "--number", "a lot"), "a number is one like 91.2"),
        ((NAME, "--metric", "psnr"), "the metric on digits/test is one of accuracy"),
        ((NAME, "--group", "luck"), "a group of causes is one of normalisation"),
        ((NAME, "--args", "both"), "--args is a JSON object"),
    ],
)
def test_explain_command_bad_input_raises(
    args: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "cifar100/test" in args:
        monkeypatch.setattr(Benchmark, "open", lambda self, data=None: [])
    done = CliRunner().invoke(app, ["explain", *args])
    assert isinstance(done.exception, ValueError | LookupError)
    assert said in str(done.exception)


def test_explain_command_prints_text_and_json() -> None:
    whole = BENCHMARKS[DIGITS].open()
    number = padded_in_front(whole)
    code, out = inside("explain", NAME, "--number", number, "--group", "network")
    assert code == 0
    for part in ("on both sides", "explains it", "360 images", f"{number} % is what these"):
        assert part in out
    code, out = inside("explain", NAME, "--number", "42.42", "--group", "labels", "--json")
    assert code == 1
    found = json.loads(out)
    assert (found["explained"], found["number"], found["samples"]) == (False, "42.42", 360)
    assert {tried["group"] for tried in found["tried"]} == {"labels"}
    given = ["--mean", *map(str, IMAGENET[0]), "--std", *map(str, IMAGENET[1])]
    given += ["--args", '{"padding": "end"}', "--group", "labels"]
    code, out = inside("explain", NAME, *given, "--number", by_imagenet(whole))
    assert code == 0
    assert "fits" in out
