"""Devices: the accelerator that torch sees, on machines that are made up."""

import platform
from collections.abc import Iterator

import accelerate.state
import pytest
import torch
from accelerate import PartialState
from accelerate.state import AcceleratorState

import zoo
from tests.support.patching import replace_everywhere
from zoo import distributed
from zoo.distributed import LaunchError, choose_device, init
from zoo.evaluation.config import is_emulated
from zoo.evaluation.environment import environment
from zoo.evaluation.memory import PeakMemory


@pytest.fixture(autouse=True)
def _no_process_group() -> Iterator[None]:
    """Accelerate keeps the first device of a process."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


def pretend(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Make torch and accelerate see an accelerator of a kind, or none for "cpu"."""
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: kind != "cpu")
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device(kind))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: kind == "cuda")
    for other in ("mps", "xpu"):
        monkeypatch.setattr(accelerate.state, f"is_{other}_available", lambda o=other: o == kind)


@pytest.mark.parametrize("kind", ["cpu", "cuda", "mps", "xpu"])
def test_init_auto_takes_the_accelerator(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, kind)
    group = init("auto")
    assert (group.device.type, group.size) == (kind, 1)
    assert group.device == PartialState().device
    assert choose_device(kind) == kind


@pytest.mark.parametrize("kind", ["cuda", "mps", "xpu"])
def test_init_cpu_is_obeyed_beside_an_accelerator(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, kind)
    assert init("cpu").device == torch.device("cpu")


@pytest.mark.parametrize(
    ("here", "device", "message"),
    [
        ("cpu", "cuda", "torch can use no cuda here; say --device cpu"),
        ("cpu", "mps", "torch can use no mps here"),
        ("mps", "cuda", "no cuda here; say --device mps or cpu"),
        ("cuda", "xpu", "say --device cuda or cpu"),
        ("cpu", "gpu", "a device is one of auto, cpu, cuda, mps, xpu, not 'gpu'"),
    ],
)
def test_init_missing_device_raises(
    here: str, device: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, here)
    with pytest.raises(LaunchError, match=message):
        zoo.check("resnet20", device=device)


def test_accelerator_of_other_kind_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the zoo does not list, it has not been tried on."""
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(
        torch.accelerator, "current_accelerator", lambda: torch.device("privateuseone")
    )
    assert distributed.accelerator() == "cpu"


def test_environment_names_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H200")
    monkeypatch.setattr(torch.xpu, "get_device_name", lambda device: "Intel Max 1550")
    names = {kind: environment(torch.device(kind))["device"] for kind in ("cuda", "xpu", "mps")}
    assert names == {
        "cuda": "NVIDIA H200",
        "xpu": "Intel Max 1550",
        "mps": f"{platform.machine()} (mps)",
    }
    assert environment(torch.device("cpu"))["device"] == platform.machine()


def test_peak_memory_asks_the_device_where_it_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.xpu, "reset_peak_memory_stats", lambda device: None)
    monkeypatch.setattr(torch.xpu, "max_memory_allocated", lambda device: 123)
    assert PeakMemory(torch.device("xpu")).bytes() == 123
    for kind in ("cpu", "mps"):  # MPS shares the memory of the process
        assert PeakMemory(torch.device(kind)).bytes() > 1 << 20


def test_is_emulated_only_on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "mps")
    assert not is_emulated("bf16", "auto")


def test_upscale_moves_network_to_the_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shown by the device that has neither memory nor time."""
    from zoo.inference.upscaling import load

    replace_everywhere(monkeypatch, "zoo.distributed.accelerator", lambda: "meta")
    assert next(load("rcan_tiny", 2).parameters()).device.type == "meta"
