"""Timing of a network on an example, and how far its outputs moved."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from zoo.inference.optimize.fold_batchnorm import tensors_in

ROUNDS, FEWEST = 5, 2
ENOUGH = 0.3  # seconds of rounds, after which there are no more than the fewest


@torch.inference_mode()
def run(model: Callable[[Tensor], Any], example: Tensor) -> list[Tensor]:
    """Return the outputs of a network in float32.

    Raises:
        ValueError: it does not take the example.
    """
    try:
        return [value.float().clone() for value in tensors_in(model(example))]
    except (RuntimeError, IndexError) as error:
        raise ValueError(f"the network does not take the example: {error}") from None


@torch.inference_mode()
def time_run(call: Callable[[Tensor], object], example: Tensor) -> float:
    """Return the shortest of some times in seconds, after a warm-up."""
    call(example)
    seconds: list[float] = []
    while len(seconds) < (FEWEST if sum(seconds) > ENOUGH else ROUNDS):
        _synchronize(example.device)
        start = time.perf_counter()
        call(example)
        _synchronize(example.device)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def _synchronize(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def max_rel_error(before: Sequence[Tensor], after: Sequence[Tensor]) -> float:
    """Return the largest change of an output over the largest output."""
    pairs = zip(before, after, strict=True)
    return max(float((b - a).abs().max() / b.abs().max().clamp_min(1e-30)) for b, a in pairs)
