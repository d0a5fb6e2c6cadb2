"""The one loop of every measurement: samples in, one answer each, on any number of processes.

job -> shards by index -> answers, kept as they come -> gathered once, every sample counted once

A job is a network with its samples: see classes.py, enlargements.py and tokens.py. Neither the
number of processes nor the size of a batch changes what is seen of a sample.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from zoo.distributed import ProcessGroup
from zoo.evaluation.answer_log import Prediction, append_predictions, load_predictions
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.memory import PeakMemory
from zoo.evaluation.samples import UnreadableSampleError


def shard(samples: Sequence[int], rank: int, world: int) -> Sequence[int]:
    """The indices that process `rank` of `world` looks at: every one belongs to one process."""
    return samples[rank::world]


Predictions = Mapping[int, Prediction]


class Evaluator(Protocol):
    """A network and the samples that it answers."""

    size: int
    batch_size: int
    network: nn.Module

    def ready(self, device: torch.device, how: EvalConfig) -> None: ...
    def load(self, index: int) -> Any: ...
    def groups(self, indices: Sequence[int], size: int) -> Iterable[list[int]]: ...
    def answer(self, batch: list[tuple[int, Any]]) -> Iterator[Prediction]: ...
    def scores(self, answers: Predictions) -> dict[str, Any]: ...


@dataclass(frozen=True)
class EvalOutput:
    """All answers by index, what was left out and why, and what that took."""

    answers: Predictions
    broken: tuple[str, ...]
    seconds: float
    peak_memory: int

    @property
    def sha256(self) -> str:
        """The sum over all answers, in their order."""
        rows = [[index, *self.answers[index]] for index in sorted(self.answers)]
        return hashlib.sha256(json.dumps(rows, separators=(",", ":")).encode()).hexdigest()


class _Loaded(Dataset[Any]):
    """(index, what a job shows of the sample, or why it cannot)."""

    def __init__(self, job: Evaluator) -> None:
        self.load, self.size = job.load, job.size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[int, Any]:
        try:
            return index, self.load(index)
        except UnreadableSampleError as error:
            return index, error


def run_evaluation(
    job: Evaluator,
    world: ProcessGroup,
    how: EvalConfig,
    *,
    setting: Mapping[str, Any],
    folder: Path | None = None,
    advance: Callable[[int], None] = lambda n: None,
) -> EvalOutput:
    """The answers of a job, the same on every process. With a `folder`, answers of an earlier run
    of the same `setting` are taken from there.

    Raises ValueError for a sample that cannot be read, or answers of another setting; whatever one
    process raises, all do.
    """
    start, peak = time.perf_counter(), PeakMemory(world.device)
    before = world.main_process_first(lambda: load_predictions(folder, setting))
    total = min(job.size, how.limit or job.size)
    share = shard(range(total), world.rank, world.size)
    found = {index: before[index] for index in share if index in before}
    advance(len(found))
    broken: list[tuple[int, str]] = []
    error = None
    try:
        job.ready(world.device, how)
        batches = _batches(job, [index for index in share if index not in found], how)
        for index, *answer in append_predictions(
            _answers(job, batches, how, broken), folder, world.rank
        ):
            found[index] = tuple(answer)
            advance(1)
    except Exception as raised:  # to be raised on every process, or others would wait for this one
        error = raised
    world.raise_everywhere(error)
    parts = world.gather((found, broken, peak.bytes()))
    answers = {index: answer for part, _, _ in parts for index, answer in part.items()}
    left_out = sorted(entry for _, out, _ in parts for entry in out)
    if sorted([*answers, *(index for index, _ in left_out)]) != list(range(total)):
        raise RuntimeError(f"{len(answers)} answers to {total} samples")
    return EvalOutput(
        answers=answers,
        broken=tuple(why for _, why in left_out),
        seconds=round(time.perf_counter() - start, 2),
        peak_memory=max(bytes_ for _, _, bytes_ in parts),
    )


def _batches(
    job: Evaluator, indices: Sequence[int], how: EvalConfig
) -> Iterable[list[tuple[int, Any]]]:
    groups = list(job.groups(indices, how.batch_size or job.batch_size))
    return DataLoader(_Loaded(job), batch_sampler=groups, num_workers=how.workers, collate_fn=list)


def _answers(
    job: Evaluator,
    batches: Iterable[list[tuple[int, Any]]],
    how: EvalConfig,
    broken: list[tuple[int, str]],
) -> Iterator[Prediction]:
    """Entries batch by batch; what cannot be read goes to `broken` or, unless those are skipped,
    ends it."""
    for batch in batches:
        faults = [
            (index, str(shown))
            for index, shown in batch
            if isinstance(shown, UnreadableSampleError)
        ]
        if faults and not how.skip_broken:
            raise ValueError(f"{faults[0][1]}; mend it, or leave it out by --skip-broken")
        broken += faults
        good = [
            (index, shown) for index, shown in batch if not isinstance(shown, UnreadableSampleError)
        ]
        if good:
            with torch.inference_mode():
                yield from job.answer(good)


def batched(indices: Sequence[int], size: int) -> Iterator[list[int]]:
    """`indices` in batches of `size`."""
    for start in range(0, len(indices), size):
        yield list(indices[start : start + size])
