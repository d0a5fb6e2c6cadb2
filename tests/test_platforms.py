"""What is different on Windows and macOS, as far as it can be faked here."""

import os
import pickle
import re
import sys
from types import SimpleNamespace

import psutil
import pytest
import torch

from tests.conftest import ROOT
from tests.support.models import bundled_weights
from tests.support.mps import OnMps
from zoo.claims.matching import specs_of_weights
from zoo.evaluation import memory
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.engine import LoadedSamples
from zoo.evaluation.evaluators.language_modeling import score_windows
from zoo.inference.generation import SamplingParams
from zoo.inference.tiling import to_uint8

POSIX_ONLY = re.compile(r"^(?:import|from) (?:fcntl|grp|pwd|resource|termios)\b", re.MULTILINE)


def test_no_module_imports_what_windows_lacks() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in (ROOT / "zoo").rglob("*.py")}
    assert [path.name for path, text in texts.items() if POSIX_ONLY.search(text)] == []


def test_peak_memory_on_windows_and_macos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "STATUS", ROOT / "no" / "proc")
    here = memory.PeakMemory(torch.device("cpu"))
    kib = here.bytes()
    monkeypatch.setattr(sys, "platform", "darwin")  # whose ru_maxrss is in bytes
    assert 1 << 10 < here.bytes() <= kib
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(psutil.Process, "memory_info", lambda _: SimpleNamespace(peak_wset=123))
    assert here.bytes() == 123


def test_results_are_taken_to_float64_on_the_cpu_since_mps_has_none() -> None:
    x = torch.rand(2, 5)
    there = x.as_subclass(OnMps)
    with pytest.raises(TypeError, match="float64"):
        there.double()
    assert torch.equal(to_uint8(there), to_uint8(x))
    sampling = SamplingParams(temperature=0.7, top_p=0.9)
    seeds = [[torch.Generator().manual_seed(i) for i in range(2)] for _ in range(2)]
    assert sampling(there, seeds[0]).tolist() == sampling(x, seeds[1]).tolist()
    model = torch.nn.Sequential(torch.nn.Embedding(7, 7))
    rows, windows = torch.randint(7, (2, 5)).numpy(), [(0, 4, 4), (4, 8, 2)]
    expected = score_windows(model, rows, windows)
    model.register_forward_hook(lambda module, args, output: output.as_subclass(OnMps))
    assert score_windows(model, rows, windows) == expected


def test_samples_reach_a_spawned_worker_without_the_network() -> None:
    """Windows and macOS start worker processes anew, by what can be pickled."""
    (spec,) = specs_of_weights(bundled_weights("wrn16_1"))
    evaluator = spec.build_evaluator(None)
    evaluator.prepare(torch.device("cpu"), EvalConfig())
    samples = LoadedSamples(evaluator)
    sent = pickle.dumps(samples)
    assert len(sent) < sum(p.nbytes for p in evaluator.network.parameters())  # type: ignore[attr-defined]
    (index, (crops, label)), (_, (same, _)) = pickle.loads(sent)[3], samples[3]
    assert index == 3
    assert all(torch.equal(a, b) for a, b in zip(crops, same, strict=True))
    assert label == samples[3][1][1]


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="one process has all cores")
def test_each_of_several_workers_computes_in_one_thread() -> None:
    assert torch.get_num_threads() == int(os.environ["OMP_NUM_THREADS"])
