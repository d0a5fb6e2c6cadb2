"""eval/ode_solvers.py: what the solver of trained weights costs, as a record."""

import sys
from pathlib import Path

import pytest
import torch

from eval import ode_solvers
from tests.golden.fill import images
from tests.golden.record_neural_ode import filled
from tests.support.patching import replace_everywhere
from zoo.checkpoints.writing import encode_safetensors
from zoo.evaluation.ledger import Ledger
from zoo.models._builder import build_model


def test_script_records_evaluations_by_tolerance_and_memory_by_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "odenet.safetensors"
    state = filled(build_model("odenet_mnist_conv")).float().state_dict()
    weights.write_bytes(encode_safetensors(state, {"model": "odenet_mnist_conv", "args": "{}"}))
    published = Ledger(tmp_path / "results")
    replace_everywhere(monkeypatch, "zoo.evaluation.ledger.published", lambda: published)
    batch = images(12, channels=1).float(), torch.tensor([0, 1])
    monkeypatch.setattr(ode_solvers, "load", lambda *_: iter([batch, batch]))
    monkeypatch.setattr(ode_solvers, "TOLERANCES", (1e-1, 1e-3))
    monkeypatch.setattr(ode_solvers, "STEPS", (1, 3))
    monkeypatch.setattr(sys, "argv", ["ode_solvers", str(weights), "--data", "none", "--record"])
    ode_solvers.main()
    (record,) = published.records()
    assert record["what"] == "solver of an ODE-Net"
    small, large, one, three = record["rows"]
    assert (small["who"], large["who"]) == ("tolerance 0.001", "tolerance 0.1")
    assert small["difference"] == 0 < large["difference"] < 1
    assert small["evaluations"] > large["evaluations"] >= 6
    assert small["backward"] >= 6
    assert one["bytes"] == three["bytes"] < one["bytes_without"]
    assert three["bytes_without"] == 3 * one["bytes_without"]
