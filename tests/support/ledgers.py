"""Ledgers for tests: content of records, and folders of many."""

import hashlib
from pathlib import Path
from typing import Any

from zoo.evaluation.ledger import Ledger, identity, records


def content(number: int = 0, **changed: Any) -> dict[str, Any]:
    """An evaluation, unlike those of other numbers."""
    wrong = number % 360
    model = f"resnet{20 + number % 50}"
    return {
        "kind": "evaluation",
        "date": f"2026-11-{1 + number % 28:02}T{number % 24:02}:{number % 60:02}:00Z",
        "model": model,
        "weights": f"{model}.zoo_digits",
        "sha256": hashlib.sha256(model.encode()).hexdigest(),
        "benchmark": "digits/test",
        "benchmark_version": 1,
        "protocol": {"input_size": [1, 32, 32], "crop_pct": 1.0, "interpolation": "bicubic"},
        "precision": "fp32",
        "samples": 360,
        "scores": {
            "error": {"value": wrong / 3.6, "interval": [0.0, 100.0], "count": wrong, "total": 360},
        },
        "answers_sha256": hashlib.sha256(b"%d" % number).hexdigest(),
        "broken": [],
        "processes": 1,
        "threads": 2,
        "seconds": 1 + number / 7,
        "peak_memory": 123_456_789 + number,
        "device": "x86_64",
        "versions": {"torch": "2.15.0+cu132", "timm": "1.0.31", "residual-zoo": "0.1.0"},
        "commit": "a" * 40,
        **changed,
    }


def training(model: str, seed: int, **changed: Any) -> dict[str, Any]:
    """A run of training."""
    error = {"value": 100 * 38 / 360, "count": 38, "total": 360}
    return {
        "kind": "training",
        "date": "2026-11-21T11:40:00Z",
        "model": model,
        "recipe": f"{model}.zoo_digits",
        "seed": seed,
        "epochs": 1,
        "batch_size": 32,
        "benchmarks": {"digits/test": {"version": 1, "scores": {"error": error}}},
        "history": [{"epoch": 0, "loss": 2.1}],
        "seconds": 512.8,
        "device": "NVIDIA H200",
        "versions": {"torch": "2.15.0"},
        "commit": "",
        **changed,
    }


def filled(folder: Path, count: int) -> Ledger:
    """A ledger of so many evaluations, made without all that `add` makes sure of."""
    folder.mkdir(parents=True, exist_ok=True)
    previous = ""
    for number in range(count):
        record: dict[str, Any] = {**content(number), "schema": 1, "previous": previous}
        record["id"] = previous = identity(record)
        (folder / records.name(number + 1, record)).write_text(records.text(record), "utf-8")
    return Ledger(folder)


def edit(path: Path, old: str, new: str) -> None:
    """Changes the first of a text in a file."""
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
