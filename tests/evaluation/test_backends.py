"""Evaluations by a backend: recorded as such, and compared with fp32 by torch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import zoo
from tests.evaluation.test_engine import Squares
from tests.support.evaluation import evaluate
from zoo.data.forecasting import Windows
from zoo.distributed import ProcessGroup, init
from zoo.evaluation import backends
from zoo.evaluation.config import BACKENDS, EvalConfig
from zoo.evaluation.engine import run_evaluation
from zoo.evaluation.evaluators.forecasting import ForecastingEvaluator
from zoo.evaluation.ledger import backend_of
from zoo.evaluation.spec import EvalSpec, find_record
from zoo.inference.optimize import backends as ways
from zoo.papers.protocols import ForecastingProtocol


def test_config_names_backends_of_optimize() -> None:
    assert set(BACKENDS) == set(ways.BACKENDS)
    with pytest.raises(ValueError, match=r"a record is of one backend of eager, .* not 'auto'"):
        EvalConfig(backend="auto")


def test_run_evaluation_of_other_task_refuses_backend() -> None:
    group = ProcessGroup(0, 1, torch.device("cpu"))
    with pytest.raises(ValueError, match="Squares runs by eager alone, not by openvino"):
        run_evaluation(Squares(3), group, EvalConfig(backend="openvino"), setting={})


def test_find_record_takes_backend_of_fingerprint() -> None:
    """A record from before there were backends is of eager."""
    spec = EvalSpec(model="resnet20", benchmark="digits/test", weights="resnet20.zoo_digits")
    old: dict[str, Any] = {**spec.fingerprint("fp32"), "broken": [], "id": "old"}
    del old["backend"]
    fast = {**spec.fingerprint("fp32", "openvino"), "broken": [], "id": "fast"}
    for backend, expected in (("eager", old), ("openvino", fast), ("inductor", None)):
        assert find_record([old, fast], spec.fingerprint("fp32", backend)) == expected
    assert backend_of(old) == "eager"


def test_changed_counts_answers_that_differ() -> None:
    assert backends.changed([(1, 1), (2, 3)]) == {"changed": {"count": 1, "total": 2}}
    assert backends.changed([]) == {}


def upscaled(folder: Path, *options: str) -> dict[str, Any]:
    names = ("rcan_tiny_x2.zoo_photos", "--benchmark", folder, "--scale", "2")
    return evaluate(*names, *options)


@pytest.mark.slow
def test_super_resolution_by_backend_matches_eager(tmp_path: Path) -> None:
    for i, size in enumerate(((40, 44), (36, 52))):
        pixels = np.random.default_rng(i).integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    plain, fast = upscaled(tmp_path), upscaled(tmp_path, "--backend", "onnxruntime")
    assert (plain["backend"], fast["backend"]) == ("eager", "onnxruntime")
    assert "changed" not in plain
    assert fast["changed"] == {"count": 0, "total": 2}
    assert "onnxruntime" in fast["versions"]
    expected = plain["scores"]["psnr"]["value"]
    assert fast["scores"]["psnr"]["value"] == pytest.approx(expected, abs=1e-3)


@pytest.mark.slow
def test_forecasting_by_backend_matches_eager() -> None:
    values = np.random.default_rng(0).normal(size=(205, 7))
    samples = Windows(values, range(100, 105), horizon=96, fitted=100, file=Path("a.csv"))
    network = zoo.create("cyclenet_linear_96_96")
    outputs = []
    for backend in ("eager", "openvino"):
        evaluator = ForecastingEvaluator(network, samples, ForecastingProtocol())
        config = EvalConfig(backend=backend, batch_size=2)
        output = run_evaluation(evaluator, init("cpu"), config, setting={})
        outputs.append(evaluator.compute(output.predictions))
    plain, fast = outputs
    assert fast.pop("changed") == {"count": 0, "total": 5}
    assert fast["scores"]["mse"]["value"] == pytest.approx(plain["scores"]["mse"]["value"], 1e-4)
