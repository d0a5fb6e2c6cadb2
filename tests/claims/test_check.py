"""zoo check: a plan, what was measured before, tries, and what is left when it is stopped."""

import json
import os
import platform
import signal
import subprocess
import sys
import time
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

import zoo
from tests.conftest import ROOT
from tests.support import processes
from tests.support.patching import replace_everywhere
from zoo.claims.verdict import SENTENCES, Reason
from zoo.cli import app
from zoo.evaluation import config, ledger
from zoo.evaluation.evaluators.language_modeling import LanguageModelingEvaluator
from zoo.evaluation.ledger import Ledger, Record
from zoo.papers.weights import Weights

pytestmark = pytest.mark.usefixtures("nothing_published")
TIMES = {"date", "seconds", "peak_memory", "id", "previous", "processes", "threads", "commit"}
NANO, RCAN = "gpt2_nano.zoo_peps", "rcan_tiny_x2.zoo_photos"
WINDOWS = 294  # of peps_mini/validation, of 256 tokens


@pytest.fixture(autouse=True)
def _no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZOO_DATA", raising=False)


def check(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["check", *arguments])


def own() -> Sequence[Record]:
    return ledger.own().records()


def same(record: Record) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in TIMES}


def test_check_prints_plan_and_reuses_records() -> None:
    first = check("wrn16_1.zoo_digits")
    assert first.exit_code == 0, first.output
    assert "plan: 1, in about" in first.output
    assert "wrn16_1.zoo_digits │ digits/test" in first.output
    assert "plan: 1 to measure, 0 measured before" in first.output
    assert "bundled weights: 1 reproduced" in first.output
    (record,) = own()
    assert (record["weights"], record["scores"]["error"]["count"]) == ("wrn16_1.zoo_digits", 2)
    second = check("wrn16_1.zoo_digits")
    assert "plan: 0 to measure, 1 measured before (--rerun repeats)" in second.output
    assert f"reproduced, {record['date'][:10]}" in second.output
    assert own() == [record]
    again = check("wrn16_1.zoo_digits", "--rerun")
    assert "plan: 1 to measure" in again.output
    assert [same(r) for r in own()] == [same(record)] * 2
    assert ledger.own().verify() == 2


@pytest.mark.slow
def test_check_other_precision_adds_record() -> None:
    zoo.check("wrn16_1.zoo_digits")
    (row,) = zoo.check("wrn16_1.zoo_digits", precision="bf16")
    assert [record["precision"] for record in own()] == ["fp32", "bf16"]
    assert row.record == own()[1]["id"]
    assert "bf16 (0 of 100 predictions changed)" in row.why
    assert "1 measured before" in check("wrn16_1.zoo_digits", "--fast").output
    (row,) = zoo.check("wrn16_1.zoo_digits")
    assert row.record == own()[0]["id"]


def test_other_precision_is_not_held_against_bundled_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def other(weights: Weights) -> dict[str, Any]:
        record = json.loads(weights.record.read_text())
        record["benchmarks"]["digits/test"]["right"] -= 1
        return dict(record)

    replace_everywhere(monkeypatch, "zoo.claims.matching.training_record", other)
    for precision, status in (("bf16", "inconclusive"), ("fp32", "not reproduced")):
        (row,) = zoo.check("wrn16_1.zoo_digits", precision=precision)
        assert (row.status, row.fails) == (status, precision == "fp32")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the kernels have x86's names")
def test_check_fast_without_bf16_instructions_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = "AVX512" not in torch.backends.cpu.get_cpu_capability()
    assert [config.is_emulated(each, "cpu") for each in ("fp32", "bf16")] == [False, slow]
    for slow, options in ((True, ["--fast"]), (True, []), (False, ["--fast"])):
        kernels = types.SimpleNamespace(_is_mkldnn_bf16_supported=lambda slow=slow: not slow)
        monkeypatch.setattr(torch.ops, "mkldnn", kernels)
        output = check("wrn16_1.zoo_digits", "--device", "cpu", "--limit", "2", *options).stderr
        assert ("no instructions for bf16" in output) == (slow and bool(options))


def test_check_limit_adds_no_record() -> None:
    done = check("wrn16_1.zoo_digits", "--limit", "40", "--json")
    (row,) = json.loads(done.stdout)
    assert (row["status"], row["measured"], row["why"]) == (
        "not run",
        "40 of 40",
        SENTENCES[Reason.SMOKE_RUN],
    )
    assert not own()
    zoo.check("wrn16_1.zoo_digits")
    (row,) = json.loads(check("wrn16_1.zoo_digits", "--limit", "40", "--json").stdout)
    assert row["status"] == "not run"  # tried again, though it is known
    assert len(own()) == 1


def test_check_uninstalled_weights_uses_published_record(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    everywhere = Ledger(ROOT / "eval" / "results")
    replace_everywhere(monkeypatch, "zoo.evaluation.ledger.published", lambda: everywhere)
    rows = zoo.check("resnet20.akamaster_cifar10")
    (row,) = (row for row in rows if row.kind == "weights")
    assert (row.status, row.kind, row.where) == ("measured", "weights", "cifar10_jpeg/test")
    assert row.measured == "18.97 % (1,897 of 10,000 wrong)"
    assert not own()
    replace_everywhere(
        monkeypatch, "zoo.evaluation.ledger.published", lambda: Ledger(tmp_path / "none")
    )
    (claim,) = zoo.check("resnet20.akamaster_cifar10")
    assert (claim.status, claim.kind) == ("not run", "measured")
    assert "`zoo pull resnet20.akamaster_cifar10` downloads it" in claim.why


def test_check_ledger_option_writes_to_that_folder(tmp_path: Path) -> None:
    assert check("wrn16_1.zoo_digits", "--ledger", str(tmp_path / "mine")).exit_code == 0
    assert Ledger(tmp_path / "mine").verify() == 1
    assert not own()


def test_check_edited_ledger_raises(tmp_path: Path) -> None:
    zoo.check("wrn16_1.zoo_digits")
    (path,) = ledger.own().paths
    path.write_text(path.read_text().replace('"count": 2', '"count": 0'))
    with pytest.raises(ledger.LedgerError, match="was edited"):
        zoo.check("wrn16_1.zoo_digits")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--device", "tpu"], "a device is one of auto, cpu, cuda, mps, xpu, not 'tpu'"),
        (["--processes", "2"], "asked for 2 processes, and there are 1"),
        (["--precision", "fp8"], "a precision is one of fp32, bf16, fp16"),
        (["--data", "nowhere"], "--data must be a folder that exists"),
    ],
)
def test_check_invalid_option_raises_value_error(options: list[str], says: str) -> None:
    done = check("wrn16_1.zoo_digits", *options)
    assert isinstance(done.exception, ValueError)
    assert says in str(done.exception)


# Interrupted


def wait_for(answers: int) -> None:
    """Until so many answers of an unfinished measurement are on disk."""
    folder = ledger.own().folder.with_name("unfinished")
    for _ in range(1200):
        lines = sum(len(p.read_text().splitlines()) for p in folder.glob("*/answers-*.jsonl"))
        if lines > answers:
            return
        time.sleep(0.05)
    raise AssertionError(f"{lines} answers after a minute")


@pytest.mark.slow
def test_check_killed_run_resumes_to_same_record(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answers = 40
    command = ("-m", "zoo.cli", "check", NANO, "--batch-size", "1")
    running = processes.start(*command, output=tmp_path / "printed")
    wait_for(answers)
    running.kill()
    running.join()
    assert not own()
    asked: list[int] = []
    predict = LanguageModelingEvaluator.predict

    def watched(evaluator: LanguageModelingEvaluator, batch: list[tuple[int, Any]]) -> Any:
        asked.extend(index for index, _ in batch)
        return predict(evaluator, batch)

    monkeypatch.setattr(LanguageModelingEvaluator, "predict", watched)
    zoo.check(NANO, batch_size=1)
    tries, rest = asked[:2], asked[2:]  # how long it should take is tried on one window, twice
    assert tries == [0, 0]
    assert rest == list(range(WINDOWS - len(rest), WINDOWS))
    assert len(rest) < WINDOWS - answers + 1
    (resumed,) = own()
    assert not list(ledger.own().folder.with_name("unfinished").iterdir())
    zoo.check(NANO, batch_size=1, ledger=Ledger(tmp_path / "other"))
    (whole,) = Ledger(tmp_path / "other").records()
    assert same(resumed) == same(whole)


@pytest.mark.slow
def test_check_interrupted_leaves_valid_ledger(tmp_path: Path) -> None:
    command = ("-m", "zoo.cli", "check", "wrn16_1.zoo_digits", NANO, "--batch-size", "1")
    running = processes.start(*command, output=tmp_path / "printed")
    wait_for(50)
    assert running.pid
    os.kill(running.pid, signal.SIGINT)
    running.join(60)
    output = (tmp_path / "printed.err").read_text()
    assert running.exitcode == 130, output
    assert "interrupted, " in output
    assert "of 2 measured; run the same command to resume" in output
    assert "Traceback" not in output
    ledger.own().verify()


@pytest.mark.slow
def test_check_processes_and_batch_size_give_same_record() -> None:
    """The same record from 1 process and from 3, in other batches, to the last image."""
    names = ("wrn16_1.zoo_digits", "rcan_tiny_x4.zoo_photos", NANO)
    zoo.check(*names, device="cpu")
    command = ("-m", "zoo.cli", "check", *names, "--device", "cpu", "--rerun")
    processes.on_processes(3, *command, "--batch-size", "5", "--processes", "3")
    assert [record["processes"] for record in own()] == 3 * [1] + 3 * [3]
    one, three = (
        {record["weights"]: same(record) for record in records}
        for records in (own()[:3], own()[3:])
    )
    first, text = one.pop(NANO), three.pop(NANO)
    assert three == one
    assert text["samples"] == first["samples"] == WINDOWS
    assert text["scores"]["loss"]["total"] == first["scores"]["loss"]["total"]
    value = first["scores"]["loss"]["value"]
    assert text["scores"]["loss"]["value"] == pytest.approx(value, rel=1e-7)


@pytest.mark.slow
def test_check_launcher_with_fewer_processes_fails() -> None:
    """accelerate launch --cpu starts one process, whatever it is asked for."""
    accelerate = str(Path(sys.executable).with_name("accelerate"))
    command = [accelerate, "launch", "--cpu", "--num_processes", "2", "-m", "zoo.cli", "check"]
    done = subprocess.run(
        [*command, "wrn16_1.zoo_digits"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode != 0
    assert "accelerate launch was asked for 2 processes, and there are 1" in done.stderr
    assert "torchrun --nproc_per_node 2" in done.stderr
    assert not own()


@pytest.mark.slow
def test_check_unreadable_sample_stops_all_processes(tmp_path: Path) -> None:
    """A photograph of Set5 that is cut short, met by the second of two processes."""
    from PIL import Image

    home = tmp_path / "set5"
    home.mkdir()
    for name in "abcde":
        Image.effect_noise((48, 48), 60).convert("RGB").save(home / f"{name}.png")
    (home / "b.png").write_bytes((home / "b.png").read_bytes()[:900])
    command = ("-m", "zoo.cli", "check", "bicubic_x2", "--data", str(tmp_path), "--device", "cpu")
    with pytest.raises(AssertionError, match=r"set5/b\.png is not an image .*--skip-broken"):
        processes.on_processes(2, *command)
    assert not own()
    processes.on_processes(2, *command, "--skip-broken")
    (record,) = own()
    assert (record["samples"], len(record["broken"])) == (4, 1)
    assert "b.png is not an image that can be read" in record["broken"][0]
