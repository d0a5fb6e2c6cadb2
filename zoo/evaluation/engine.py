"""The evaluation loop: every sample predicted once, on any number of processes.

evaluator -> shards by index -> predictions, logged as they come -> gathered once

Neither the number of processes nor the batch size changes what the network sees of a sample.
"""

import copy
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

Predictions = Mapping[int, Prediction]  # by index, without the index
Batch = list[tuple[int, Any]]  # (index, loaded sample)


class Evaluator(Protocol):
    """A network with the samples of one task: `load`, `predict`, then `compute`."""

    size: int  # number of samples
    batch_size: int  # by default
    network: nn.Module

    def prepare(self, device: torch.device, config: EvalConfig) -> None:
        """Bring the network to the device, in the config's layout and precision."""

    def contents(self) -> str:
        """Return the sha256 of what the samples are read from; "" if it is pinned."""

    def load(self, index: int) -> Any:
        """Return a sample as the network takes it. Raises UnreadableSampleError."""

    def batches(self, indices: Sequence[int], size: int) -> Iterable[list[int]]:
        """Split indices into batches of at most `size`."""

    def predict(self, batch: Batch) -> Iterator[Prediction]:
        """Yield (index, value, ...) for each sample, in values that JSON can hold."""

    def compute(self, predictions: Predictions) -> dict[str, Any]:
        """Return a record's fields `samples`, `scores` and `parts`."""


@dataclass(frozen=True)
class EvalOutput:
    """The result of a run, the same on every process."""

    predictions: Predictions  # of all samples that could be read
    broken: tuple[str, ...]  # samples that were left out, and why
    seconds: float  # wall time
    peak_memory: int  # bytes, of the process that took most

    @property
    def sha256(self) -> str:
        """Hash of all predictions, by index."""
        rows = [[index, *self.predictions[index]] for index in sorted(self.predictions)]
        return hashlib.sha256(json.dumps(rows, separators=(",", ":")).encode()).hexdigest()


class LoadedSamples(Dataset[Any]):
    """(index, loaded sample, or the error of one that cannot be read)."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator, self.size = evaluator, evaluator.size

    def __getstate__(self) -> dict[str, Any]:
        """Leave networks behind: worker processes load samples. Where they are spawned (Windows,
        macOS), tensors of an accelerator could not follow."""
        loader = copy.copy(self.evaluator)
        parts = {key: x for key, x in vars(loader).items() if not isinstance(x, torch.nn.Module)}
        vars(loader).clear()
        vars(loader).update(parts)
        return {"evaluator": loader, "size": self.size}

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[int, Any]:
        try:
            return index, self.evaluator.load(index)
        except UnreadableSampleError as error:
            return index, error


def run_evaluation(
    evaluator: Evaluator,
    group: ProcessGroup,
    config: EvalConfig,
    *,
    setting: Mapping[str, Any],
    folder: Path | None = None,
    on_progress: Callable[[int], None] = lambda n: None,
) -> EvalOutput:
    """Predict every sample once.

    Args:
        evaluator: the network and its samples.
        group: the processes that share the samples.
        config: precision, batch size, limit and so on.
        setting: identifies the run in its log: all that predictions depend on, `run_contents` too.
        folder: where the log is kept; an earlier run of the same setting is resumed.
        on_progress: called with the number of samples that were done.

    Returns:
        Predictions, time and memory, the same on every process.

    Raises:
        ValueError: a sample cannot be read, or the log is of another setting. An error of one
            process is raised on all.
    """
    if not evaluator.size:
        raise ValueError("there are no samples to evaluate")
    if config.backend != "eager" and not getattr(evaluator, "takes_backend", False):
        name = type(evaluator).__name__
        raise ValueError(f"{name} runs by eager alone, not by {config.backend}")
    start, peak = time.perf_counter(), PeakMemory(group.device)
    logged = group.main_process_first(lambda: load_predictions(folder, setting))
    total = min(evaluator.size, config.limit or evaluator.size)
    own_shard = shard(range(total), group.rank, group.size)
    predictions = {index: logged[index] for index in own_shard if index in logged}
    on_progress(len(predictions))
    broken: list[tuple[int, str]] = []
    error = None
    try:
        evaluator.prepare(group.device, config)
        batches = _load_batches(evaluator, [i for i in own_shard if i not in predictions], config)
        new = _predict(evaluator, batches, config, broken)
        for index, *values in append_predictions(new, folder, group.rank):
            predictions[index] = tuple(values)
            on_progress(1)
    except Exception as raised:  # raised on every process below: none may wait for this one
        error = raised
    group.raise_everywhere(error)
    return _gather(group, total, (predictions, broken, peak.bytes()), start)


def evaluate(
    evaluator: Evaluator, config: EvalConfig | None = None, device: str = "cpu"
) -> dict[str, Any]:
    """Return a record's `samples`, `scores` and `parts`, computed by this process alone."""
    group = ProcessGroup(rank=0, size=1, device=torch.device(device))
    output = run_evaluation(evaluator, group, config or EvalConfig(), setting={})
    return evaluator.compute(output.predictions)


def _gather(
    group: ProcessGroup,
    total: int,
    part: tuple[dict[int, Prediction], list[tuple[int, str]], int],
    start: float,
) -> EvalOutput:
    """Merge the parts of all processes. Raises RuntimeError unless each sample is in one."""
    parts = group.gather(part)
    predictions = {index: values for part, _, _ in parts for index, values in part.items()}
    broken = sorted(entry for _, entries, _ in parts for entry in entries)
    if sorted([*predictions, *(index for index, _ in broken)]) != list(range(total)):
        raise RuntimeError(f"{len(predictions)} answers to {total} samples")
    if not predictions:
        raise ValueError(f"none of the {total} samples can be read: {broken[0][1]}")
    return EvalOutput(
        predictions=predictions,
        broken=tuple(cause for _, cause in broken),
        seconds=round(time.perf_counter() - start, 2),
        peak_memory=max(peak for _, _, peak in parts),
    )


def _load_batches(
    evaluator: Evaluator, indices: Sequence[int], config: EvalConfig
) -> Iterable[Batch]:
    batches = list(evaluator.batches(indices, config.batch_size or evaluator.batch_size))
    return DataLoader(
        LoadedSamples(evaluator),
        batch_sampler=batches,
        num_workers=config.workers,
        collate_fn=list,
    )


def _predict(
    evaluator: Evaluator,
    batches: Iterable[Batch],
    config: EvalConfig,
    broken: list[tuple[int, str]],
) -> Iterator[Prediction]:
    """Yield predictions; unreadable samples go to `broken`, or stop the run."""
    for batch in batches:
        errors = [(i, str(x)) for i, x in batch if isinstance(x, UnreadableSampleError)]
        if errors and not config.skip_broken:
            raise ValueError(f"{errors[0][1]}; mend it, or leave it out by --skip-broken")
        broken += errors
        readable = [(i, x) for i, x in batch if not isinstance(x, UnreadableSampleError)]
        if readable:
            with torch.inference_mode():
                yield from evaluator.predict(readable)


def shard(indices: Sequence[int], rank: int, size: int) -> Sequence[int]:
    """Return the indices of process `rank` of `size`: each index belongs to one process."""
    return indices[rank::size]


def batched(indices: Sequence[int], size: int) -> Iterator[list[int]]:
    """Yield `indices` in batches of `size`."""
    for start in range(0, len(indices), size):
        yield list(indices[start : start + size])
