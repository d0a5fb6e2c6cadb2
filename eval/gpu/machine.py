"""What a device can do at best, and how long a network would take at that rate.

large product, large copy -> peak FLOP/s, bytes/s -> the least seconds of a network (its roofline)
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from zoo.evaluation.memory import PeakMemory
from zoo.models._complexity import count_complexity

TRIES = 5  # of which the fastest counts
Turn = Callable[[], Any]
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much each measurement takes: a GPU's fill, or a CPU's in a test."""

    batch: int = 256  # images of a forward pass
    train_batch: int = 128  # images of a training step
    texts: int = 8  # texts of a training step
    tokens: int = 2048  # of a text
    decoded: int = 64  # tokens one by one after a prompt
    matrix: int = 8192  # rows and columns of the product that shows the peak
    copied: int = 1 << 30  # bytes of the copy that shows the bandwidth
    photographs: int = 4096
    probes: int = 4  # samples whose outputs are compared with a CPU's


SMALL = Sizes(
    batch=2, train_batch=2, texts=1, tokens=64, decoded=2, matrix=256, copied=1 << 20,
    photographs=8, probes=2,
)  # fmt: skip


def synchronize(device: torch.device) -> None:
    """Wait for what was asked of a device."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def synchronized(run: Turn, device: torch.device) -> Turn:
    """Return a turn that ends when the device has."""

    def turn() -> None:
        run()
        synchronize(device)

    return turn


def peak_memory(run: Turn, device: torch.device) -> int:
    """Return the most bytes that a turn takes beside what was there before: weights, ..."""
    synchronize(device)
    peak = PeakMemory(device)
    before = peak.bytes()
    run()
    synchronize(device)
    return max(0, peak.bytes() - before)


def fastest(run: Turn, device: torch.device) -> float:
    """Return the least seconds of some tries, after one that is not timed."""
    turn = synchronized(run, device)
    turn()
    seconds = []
    for _ in range(TRIES):
        start = time.perf_counter()
        turn()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


@dataclass(frozen=True)
class Peaks:
    """Measured rates of a device."""

    flops: dict[str, float]  # FLOP/s of a matrix product, by precision
    bandwidth: float  # bytes/s, read and written, of a copy

    @classmethod
    def measure(cls, device: torch.device, sizes: Sizes) -> "Peaks":
        """Time a square product in each precision, and a copy."""
        flops = {}
        for precision, dtype in DTYPES.items():
            square = torch.rand(sizes.matrix, sizes.matrix, device=device, dtype=dtype)
            out = torch.empty_like(square)
            seconds = fastest(lambda a=square, o=out: torch.mm(a, a, out=o), device)  # type: ignore[misc]
            flops[precision] = 2 * sizes.matrix**3 / seconds
        source = torch.ones(sizes.copied, dtype=torch.uint8, device=device)
        target = torch.empty_like(source)
        seconds = fastest(lambda: target.copy_(source), device)
        return cls(flops, 2 * sizes.copied / seconds)

    def bound(self, work: "Work", precision: str, samples: int, passes: int = 1) -> float:
        """Return the least seconds for samples: of products at their peak or bytes at the
        bandwidth, what takes longer. A training step is three passes: forward, and back to
        activations and to weights."""
        size = DTYPES[precision].itemsize
        moved = size * (work.weights + samples * work.activations)
        flops = 2 * work.macs * samples / self.flops[precision]
        return passes * max(flops, moved / self.bandwidth)


@dataclass(frozen=True)
class Work:
    """What a network has to do for a sample, at least."""

    macs: int  # multiply-adds of convolutions, linear layers and attention
    weights: int  # numbers that are read once for a batch
    activations: int  # numbers that convolutions and linear layers read and write

    @classmethod
    def count(cls, network: nn.Module, input_size: Sequence[int]) -> "Work":
        """Count on the meta device, where nothing is computed."""
        moved = 0

        def add(module: nn.Module, args: tuple[Any, ...], out: Any) -> None:
            nonlocal moved
            moved += args[0].numel() + out.numel()

        layers = nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear
        hooks = [m.register_forward_hook(add) for m in network.modules() if isinstance(m, layers)]
        counts = count_complexity(network, input_size)
        for hook in hooks:
            hook.remove()
        return cls(counts.macs, counts.params, moved)
