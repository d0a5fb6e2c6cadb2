"""Timing of a network on an example, and how far its outputs moved."""

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import torch
from torch import Tensor

from zoo.inference.optimize.fold_batchnorm import tensors_in

ROUNDS, FEWEST = 6, 2
ENOUGH, PLENTY = 0.3, 0.8  # seconds of rounds, after which two are enough, and one
MOST_TURNS = 25  # of each in a race
TURN, MOST_CALLS = 0.1, 100  # seconds after which a turn ends, and calls


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
    """Return the shortest of some times in seconds, of which the first warms up."""
    seconds = [_time_call(call, example)]
    while sum(seconds) < PLENTY and len(seconds) < (FEWEST if sum(seconds) > ENOUGH else ROUNDS):
        seconds.append(_time_call(call, example))
    return min(seconds)


@torch.inference_mode()
def race(
    calls: Sequence[Callable[[Tensor], object]], example: Tensor, seconds: float
) -> list[float]:
    """Return the median time of each call in seconds, of rounds in which each has its turn.

    No round but the first is begun after `seconds`.
    """
    rounds: list[list[float]] = []
    start = time.perf_counter()
    while not rounds or (len(rounds) < MOST_TURNS and time.perf_counter() - start < seconds):
        rounds.append([take_turn(call, example) for call in calls])
    return [median(times) for times in zip(*rounds, strict=True)]


def take_turn(call: Callable[[Tensor], object], example: Tensor) -> float:
    """Return the time of a call in seconds, after others have run.

    It is called for a tenth of a second, a hundred times at most, and the second half of the calls
    counts, because threads of the one before may still spin during the first; a slow network is
    called once.
    """
    seconds = [_time_call(call, example)]
    while sum(seconds) < TURN and len(seconds) < MOST_CALLS:
        seconds.append(_time_call(call, example))
    return median(seconds[len(seconds) // 2 :])


def _time_call(call: Callable[[Tensor], object], example: Tensor) -> float:
    _synchronize(example.device)
    start = time.perf_counter()
    result = call(example)
    _synchronize(example.device)
    seconds = time.perf_counter() - start
    del result  # may take long, and is not timed
    return seconds


def _synchronize(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def max_rel_error(before: Sequence[Tensor], after: Sequence[Tensor]) -> float:
    """Return the largest change of an output over the largest output."""
    pairs = zip(before, after, strict=True)
    return max(float((b - a).abs().max() / b.abs().max().clamp_min(1e-30)) for b, a in pairs)
