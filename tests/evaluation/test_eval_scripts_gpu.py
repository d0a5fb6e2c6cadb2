"""python -m eval.gpu: on a CPU, with small sizes."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from eval.gpu.__main__ import main
from eval.gpu.machine import SMALL, Peaks, Work
from eval.gpu.outputs import samples
from eval.gpu.results import Results
from zoo.evaluation.ledger import Ledger

CPU = torch.device("cpu")


def run(monkeypatch: pytest.MonkeyPatch, out: Path, *options: str) -> dict[str, Any]:
    """Run the script; return the rows by unit."""
    fixed = ("--out", str(out), "--small", "--rounds", "2", "--device", "cpu")
    monkeypatch.setattr(sys, "argv", ["eval.gpu", *fixed, *options])
    main()
    return {path.stem: json.loads(path.read_text()) for path in out.glob("*/*.json")}


@pytest.mark.slow
def test_day_measures_every_part_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--models", "resnet18", "--settings", "bf16")
    rows = run(monkeypatch, tmp_path, *options)
    fp32, bf16 = json.loads((tmp_path / "outputs" / "resnet18.json").read_text())
    assert (fp32["difference"], fp32["same"]) == (0.0, 1.0)
    assert 0 < bf16["difference"] < 0.1
    for kind in ("forward", "training"):
        ours, timm = rows[f"resnet18, bf16, {kind}"]
        assert (ours["who"], timm["who"], ours["against"]) == ("ours", "timm", "timm")
        assert ours["roofline"] > 0
    alone, fed = json.loads((tmp_path / "photographs" / "resnet18.json").read_text())
    assert alone["same"] == 1
    assert fed["same"] >= 0.5
    times = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/*.json")}
    run(monkeypatch, tmp_path, *options)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/*.json")} == times
    assert "failed" not in capsys.readouterr().out


@pytest.mark.slow
def test_day_measures_language_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("--models", "muddformer_nano", "--parts", "language")
    rows = run(monkeypatch, tmp_path, *names)
    for kind in ("training", "decoding"):
        mudd, plain = rows[f"muddformer_nano, {kind}"]
        assert mudd["against"] == plain["who"] == "transformer_pp_nano"
        assert mudd["tokens/s"] > 0
    kernels = rows["muddformer_nano, attention"]
    assert [row["who"] for row in kernels] == ["torch's choice", "flash", "math"]


def test_measure_failed_unit_is_tried_again_and_done_one_is_not(tmp_path: Path) -> None:
    results, calls = Results(tmp_path), []

    def fails() -> Any:
        calls.append("fails")
        raise RuntimeError("out of memory\nand a long trace")

    def works() -> Any:
        calls.append("works")
        return [{"model": "b", "seconds": 1.0}]

    for _ in range(2):
        rows = dict(results.measure("part", iter([("a", fails), ("b", works)])))
    assert rows["a"] == [{"model": "a", "error": "RuntimeError: out of memory"}]
    assert calls == ["fails", "works", "fails"]


def test_record_adds_rows_to_the_ledger_once(tmp_path: Path) -> None:
    results, ledger = Results(tmp_path / "out"), Ledger(tmp_path / "ledger")
    (tmp_path / "out" / "vision").mkdir(parents=True)
    rows = [{"model": "a", "seconds": 1.0}]
    ids = {results.record("vision", rows, 2, {}, ledger, CPU) for _ in range(2)}
    (record,) = ledger.records()
    assert ids == {record["id"]}
    assert record["rows"] == rows
    results.record("vision", [*rows, *rows], 2, {}, ledger, CPU)
    assert ledger.verify() == 2


def test_bound_is_what_takes_longer_of_products_and_bytes() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.Flatten(), nn.Linear(16, 2))
    work = Work.count(network.to("meta"), (3, 4, 4))
    assert work.macs == 4 * 2 * 2 * 27 + 32
    assert work.weights == 4 * 27 + 34
    assert work.activations == 48 + 16 + 16 + 2
    slow_products = Peaks({"fp32": 1.0, "bf16": 2.0}, 1e12)
    assert slow_products.bound(work, "bf16", samples=10) == 10 * work.macs
    slow_memory = Peaks({"fp32": 1e15, "bf16": 1e15}, 1.0)
    moved = work.weights + 10 * work.activations
    assert slow_memory.bound(work, "fp32", samples=10, passes=3) == 3 * 4 * moved


def test_peaks_of_this_machine_are_plausible() -> None:
    peaks = Peaks.measure(CPU, SMALL)
    assert peaks.flops["fp32"] > 1e7
    assert peaks.bandwidth > 1e7


@pytest.mark.parametrize(
    ("name", "shape"), [("resnet20", (2, 3, 32, 32)), ("gpt2_nano", (2, 128)), ("gpt2", (2, 128))]
)
def test_samples_are_what_a_network_takes(name: str, shape: tuple[int, ...]) -> None:
    x = samples(name, 2)
    assert tuple(x.shape) == shape
    assert torch.equal(x, samples(name, 2))
