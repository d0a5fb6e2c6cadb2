"""Backends of zoo.optimize: the network's outputs, its attributes, and the choice between them."""

import copy
import json
import pickle
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import zoo
from tests.support.models import make_model
from tests.support.patching import replace_everywhere
from zoo.inference import optimize
from zoo.inference.optimize import backends, choices
from zoo.inference.optimize.backends import Candidate, Job
from zoo.inference.optimize.compiled import CompiledForward
from zoo.inference.optimize.timing import race
from zoo.inference.optimize.winograd import WinogradConv2d
from zoo.models._builder import build_model

SESSIONS = ("onnxruntime", "openvino")


def off(actual: Tensor, expected: Tensor) -> float:
    return float((actual - expected).abs().max() / expected.abs().max())


@pytest.fixture
def remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ZOO_BACKENDS", str(tmp_path / "cache" / "backends.json"))
    return tmp_path / "cache" / "backends.json"


@pytest.mark.slow
@pytest.mark.parametrize("backend", SESSIONS)
@pytest.mark.parametrize(
    ("name", "size", "other"),
    [("resnet20", (2, 3, 32, 32), (3, 3, 40, 24)), ("edsr_tiny_x2", (1, 3, 16, 16), (1, 3, 9, 20))],
)
def test_session_any_batch_and_size_matches_network(
    backend: str, name: str, size: tuple[int, ...], other: tuple[int, ...]
) -> None:
    network = make_model(name).float()
    model: Any = zoo.optimize(network, torch.randn(size), backend=backend)
    assert model.optimized.steps == ("ONNX, any batch and any size",)
    assert model.pretrained_cfg == network.pretrained_cfg
    calls = []
    model.forward.own = calls.append
    with torch.inference_mode():
        for x in (torch.randn(size), torch.randn(other), torch.randn(other).double()):
            assert off(model(x), network(x.float())) < 1e-4
    assert not calls
    model(torch.zeros(0, *size[1:]))  # which a session may not take
    assert len(calls) == 1
    assert list(model.forward.sessions) == [size, None]  # the second was started when needed


class OfOneSize(nn.Module):
    """A network whose head counts pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(48, 4)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1:] != (3, 4, 4):
            raise ValueError("it takes 3 x 4 x 4 pixels")
        y: Tensor = self.head(x.flatten(1))
        return y


@pytest.mark.slow
@pytest.mark.parametrize("backend", SESSIONS)
def test_session_network_of_one_size_refuses_others_itself(backend: str) -> None:
    network = OfOneSize()
    model: Any = zoo.optimize(network, torch.randn(2, 3, 4, 4), backend=backend)
    assert model.optimized.steps == ("ONNX, any batch and this size",)
    x = torch.randn(5, 3, 4, 4)
    assert off(model(x), network(x).detach()) < 1e-5
    with pytest.raises(ValueError, match="it takes 3 x 4 x 4 pixels"):
        model(torch.randn(1, 3, 8, 8))
    model.forward.alone = True
    with pytest.raises(ValueError, match=r"takes one input of \(3, 4, 4\) here, not \(3, 8, 8\)"):
        model(torch.randn(1, 3, 8, 8))
    for action in (copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match=f"by {backend} cannot be copied or pickled"):
            action(model)


FREED = """
import faulthandler, gc, signal, subprocess, sys
import torch, zoo
faulthandler.enable()  # its handlers run on a stack of their own, as Python's do then
signal.signal(signal.SIGCHLD, lambda *_: None)  # as a DataLoader's workers have it
network = torch.nn.Conv2d(3, 4, 3).eval()
x = torch.randn(1, 3, 8, 8)
first, second = (zoo.optimize(network, x, backend="openvino") for _ in range(2))
del first; gc.collect()
del second; gc.collect()
subprocess.run([sys.executable, "-c", ""], check=True)
"""


@pytest.mark.slow
def test_openvino_sessions_freed_in_their_order_leave_signal_handlers_alive() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FREED], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_openvino_bfloat16_returns_bfloat16() -> None:
    network = make_model("resnet20").float()
    x = torch.randn(2, 3, 32, 32)
    model: Any = zoo.optimize(network, x, backend="openvino", dtype=torch.bfloat16)
    with torch.inference_mode():
        actual = model(x)
        assert actual.dtype == torch.bfloat16
        assert off(actual.float(), network(x)) < 0.1
    assert network.conv1.weight.dtype == torch.float32


@pytest.mark.slow
def test_inductor_any_batch_matches_network() -> None:
    network = make_model("resnet20").float()
    model: Any = zoo.optimize(network, torch.randn(2, 3, 32, 32), backend="inductor")
    assert model.optimized.steps[-1] == "compiled"
    with torch.inference_mode():
        for x in (torch.randn(2, 3, 32, 32), torch.randn(3, 3, 32, 32)):
            assert off(model(x), network(x)) < 1e-4
        assert off(pickle.loads(pickle.dumps(model))(x), network(x)) < 1e-4


def test_compiled_forward_compiles_any_number_of_networks_of_a_class() -> None:
    """torch compiles a code eight times at most; weights as constants are a graph each."""
    graphs: list[list[Any]] = []

    def backend(graph: Any, inputs: list[Any]) -> Any:
        graphs.append(inputs)
        return graph.forward

    x = torch.randn(2, 3, 4, 4)
    with torch.no_grad():
        for network in [OfOneSize() for _ in range(10)]:
            forward = CompiledForward(network, frozen=True, backend=backend)
            assert torch.equal(forward(x), network(x))
            assert torch.equal(copy.deepcopy(forward)(x), network(x))
    assert len(graphs) == 20
    assert all(len(inputs) == 1 for inputs in graphs)  # no weights among them


def test_optimize_auto_takes_fastest_within_tolerance_and_remembers(
    remembered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Speeds are given, so that the test holds on a busy machine; the networks are real."""
    network, x = OfOneSize(), torch.randn(2, 3, 4, 4)
    made: list[str] = []

    def scaled(name: str, factor: float) -> backends.Make:
        def make(job: Job) -> Candidate:
            made.append(name)
            model: Any = backends.share(job.model)
            model.head.weight = nn.Parameter(model.head.weight * factor)
            model.speed = {"slow": 1.0, "fast": 3.0, "wrong": 9.0}[name]
            return Candidate(model, [name])

        return make

    def broken(job: Job) -> Candidate:
        raise RuntimeError("no kernel\nfor this")

    ways = {"slow": scaled("slow", 1), "fast": scaled("fast", 1), "wrong": scaled("wrong", 1.1)}
    of_torch = dict.fromkeys([*ways, "broken"], "torch")
    replace_everywhere(monkeypatch, f"{backends.__name__}.BACKENDS", {**ways, "broken": broken})
    replace_everywhere(monkeypatch, f"{backends.__name__}.DISTRIBUTIONS", of_torch)
    monkeypatch.setattr(optimize, "time_run", lambda model, x: 1 / getattr(model, "speed", 1.0))
    report = zoo.optimize(network, x, seconds=1e9).optimized
    assert isinstance(report, optimize.OptimizationReport)
    assert (report.backend, report.speedup, report.remembered) == ("fast", 3.0, False)
    assert made == ["slow", "fast", "wrong"]
    text = str(report)
    assert text.startswith("fast: 3.00 x as fast")
    assert "wrong: outputs moved by" in text
    assert "broken: it failed: no kernel" in text
    again = zoo.optimize(network, x).optimized
    assert isinstance(again, optimize.OptimizationReport)
    assert (again.backend, again.remembered, made[3:]) == ("fast", True, ["fast"])
    zoo.optimize(network, torch.randn(3, 3, 4, 4), seconds=0)  # another input: chosen anew
    assert made[4:] == ["slow"]
    remembered.write_text('{"a": [', encoding="utf-8")
    zoo.optimize(network, x, seconds=0)
    assert list(json.loads(remembered.read_text(encoding="utf-8")).values()) == ["slow"]
    with pytest.raises(ValueError, match=r"outputs moved by .* more than the tolerance of 1.0e-04"):
        zoo.optimize(network, x, backend="wrong")


def test_optimize_auto_lets_those_near_the_fastest_race(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few calls say 0.7, 1.0 and 0.9 times as fast; the race, that the last is the fastest."""
    monkeypatch.setenv("ZOO_BACKENDS", "")
    network, x = OfOneSize(), torch.randn(2, 3, 4, 4)

    def at(speed: float) -> backends.Make:
        def make(job: Job) -> Candidate:
            model: Any = backends.share(job.model)
            model.speed = speed
            return Candidate(model, [])

        return make

    raced: list[list[float]] = []

    def given(models: list[Any], example: Tensor, seconds: float) -> list[float]:
        raced.append([model.speed for model in models])
        return [3.0, 2.0][: len(models)]

    ways = {"far": at(0.7), "near": at(1.0), "nearer": at(0.9)}
    replace_everywhere(monkeypatch, f"{backends.__name__}.BACKENDS", ways)
    of_torch = dict.fromkeys(ways, "torch")
    replace_everywhere(monkeypatch, f"{backends.__name__}.DISTRIBUTIONS", of_torch)
    monkeypatch.setattr(optimize, "time_run", lambda model, x: 1 / getattr(model, "speed", 1.0))
    monkeypatch.setattr(optimize, "race", given)
    report = zoo.optimize(network, x).optimized
    assert isinstance(report, optimize.OptimizationReport)
    assert (report.backend, raced) == ("nearer", [[1.0, 0.9]])


def test_race_each_has_its_turn_and_the_median(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[str] = []
    calls, now = 0, 0.0

    def call(name: str, seconds: float, x: Tensor) -> None:
        nonlocal calls, now
        is_disturbed = not turns or turns[-1] != name  # by threads of the one before
        is_slow = calls < 20  # ten rounds of 25
        now += seconds + 0.02 * is_disturbed + is_slow
        calls += 1
        turns.append(name)

    monkeypatch.setattr(time, "perf_counter", lambda: now)
    both = [partial(call, "a", 0.03), partial(call, "b", 0.045)]
    assert race(both, torch.zeros(1), seconds=1e9) == pytest.approx([0.03, 0.045])
    assert turns == ["a", "b"] * 10 + ["a", "a", "a", "b", "b"] * 15  # a tenth of a second each
    turns.clear()
    race(both, torch.zeros(1), seconds=0)
    assert turns == ["a", "a", "a", "b", "b"]


def test_optimize_auto_compiles_first_where_winograd_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ZOO_BACKENDS", "")
    network, x = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1)), torch.randn(1, 64, 8, 8)

    def taken(job: Job) -> Candidate:
        return Candidate(nn.Sequential(WinogradConv2d(job.model[0]), nn.Conv2d(64, 64, 1)), [])

    def untaken(job: Job) -> Candidate:
        return Candidate(backends.share(job.model), [])

    order = ("eager", "onnxruntime", "openvino", "inductor")
    for make, expected in ((taken, (*order[:1], *order[3:], *order[1:3])), (untaken, order)):
        ways = {**dict.fromkeys(order, untaken), "eager": make}
        replace_everywhere(monkeypatch, f"{backends.__name__}.BACKENDS", ways)
        trials = zoo.optimize(network, x, tolerance=1e9).optimized.trials
        assert tuple(trial.backend for trial in trials) == expected


def test_choices_empty_variable_remembers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_BACKENDS", "")
    choices.store("a", "eager")
    assert choices.lookup("a") is None


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("resnet20", {"backend": "tvm"}, "a backend is one of auto, eager, onnxruntime, openvino"),
        ("resnet20", {"backend": "onnxruntime", "dtype": torch.bfloat16}, "has no bfloat16 on"),
        ("resnet20", {"backend": "tensorrt"}, "tensorrt: it "),
        ("gpt2_nano", {"backend": "inductor"}, "a decoder keeps keys and values"),
    ],
)
def test_optimize_impossible_backend_raises(name: str, options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        zoo.optimize(build_model(name), **options)
