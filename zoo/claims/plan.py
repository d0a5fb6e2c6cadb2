"""Plan of a check: what to measure and for how long, what has a record, what cannot run here.

specs -> PlannedEval: to do | recorded here | published | not possible here
"""

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from zoo.claims.matching import why_unavailable
from zoo.claims.verdict import NotRun, Reason
from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.data.contents import benchmark_contents
from zoo.distributed import ProcessGroup
from zoo.evaluation import tasks
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.ledger import Record
from zoo.evaluation.samples import UnreadableSampleError
from zoo.evaluation.spec import EvalSpec, find_record
from zoo.models._registry import get_entry, parse_name, stored_counts

WARM_UP = 4  # samples, one batch at most
KINDS = (*tasks.TASKS, "interpolations", "published images")


@dataclass(frozen=True)
class PlannedEval:
    """An evaluation: to do, or with its record, or with the reason why it cannot run here."""

    spec: EvalSpec
    record: Record | None = None
    not_run: NotRun | None = None
    own: bool = False  # the record is of this machine, not a published one
    samples: int = 0  # of an evaluation to do; about that many windows of a text

    @property
    def to_do(self) -> bool:
        """True if it can run here and has no record."""
        return not self.record and not self.not_run


def plan(
    specs: Iterable[EvalSpec],
    data: Path | None,
    precision: str,
    own: Sequence[Record] = (),
    published: Sequence[Record] = (),
    backend: str = "eager",
) -> list[PlannedEval]:
    """Plan evaluations: own records of the same data are reused, published ones only where nothing
    can run."""

    @cache
    def dataset(benchmark: str) -> Any:
        try:
            return BENCHMARKS[benchmark].open(data)
        except DatasetNotFoundError as error:
            return error

    steps = []
    for spec in specs:
        key = spec.fingerprint(precision, backend)
        same_data = _of_same_data(own, spec.benchmark, dataset) if find_record(own, key) else []
        if record := find_record(same_data, key):
            steps.append(PlannedEval(spec, record, own=True))
        elif not (missing := _missing(spec, data) or _no_data(dataset(spec.benchmark))):
            steps.append(PlannedEval(spec, samples=_size(spec, dataset(spec.benchmark))))
        elif record := find_record(published, key):
            steps.append(PlannedEval(spec, record))
        else:
            steps.append(PlannedEval(spec, not_run=missing))
    return steps


def _of_same_data(
    records: Iterable[Record], benchmark: str, dataset: Callable[[str], Any]
) -> list[Record]:
    """Return the records of samples with the contents that are here; all if none are here."""
    samples = dataset(benchmark)
    if isinstance(samples, DatasetNotFoundError):
        return list(records)
    contents = benchmark_contents(benchmark, samples)
    return [record for record in records if record.get("contents", "") == contents]


def _missing(spec: EvalSpec, data: Path | None) -> NotRun | None:
    """Return which weights or published images are not here, or None."""
    if spec.weights:
        weights = parse_name(spec.weights)[1]
        assert weights
        return why_unavailable(weights)
    if spec.images and _digest(spec.images, data) != spec.sha256:
        what = f"{spec.images} in the folder of data does not hold the published images"
        return NotRun(Reason.NO_DATA, what)
    return None


def _digest(folder: str, data: Path | None) -> str:
    from zoo.evaluation.evaluators.published_images import folder_digest

    return folder_digest(data / folder) if data else ""


def _no_data(dataset: Any) -> NotRun | None:
    error = isinstance(dataset, DatasetNotFoundError)
    return NotRun(Reason.NO_DATA, str(dataset)) if error else None


def _size(spec: EvalSpec, dataset: Any) -> int:
    size = tasks.task_of(spec.model).size
    return size(dataset, spec.protocol) if size else BENCHMARKS[spec.benchmark].size


def look_up(
    specs: Iterable[EvalSpec], records: Sequence[Record], precision: str = "fp32"
) -> dict[EvalSpec, PlannedEval]:
    """Return evaluations with their records, if they have one; nothing is measured."""
    return {s: PlannedEval(s, find_record(records, s.fingerprint(precision))) for s in specs}


def kind(spec: EvalSpec) -> str:
    """Return the kind of an evaluation, one of KINDS: their speeds say nothing of one another."""
    if spec.images:
        return "published images"
    return tasks.task_of(spec.model).name if spec.weights else "interpolations"


def estimate(
    steps: Iterable[PlannedEval], data: Path | None, group: ProcessGroup, config: EvalConfig
) -> dict[EvalSpec, float]:
    """Estimate the seconds of each evaluation to do.

    The smallest of each kind is timed on a few samples; the others take longer in proportion to
    their MACs and samples.
    """
    macs = {  # of all samples
        s.spec: multiply_adds(s.spec) * min(s.samples, config.limit or sys.maxsize)
        for s in steps
        if s.to_do
    }
    seconds: dict[EvalSpec, float] = {}
    for name in KINDS:
        specs = [spec for spec in macs if kind(spec) == name]
        if specs:
            smallest = min(specs, key=macs.__getitem__)
            rate = (
                _seconds_per_sample(smallest, data, group, config)
                / multiply_adds(smallest)
                / group.size
            )
            seconds |= {spec: rate * macs[spec] for spec in specs}
    return seconds


def multiply_adds(spec: EvalSpec) -> int:
    """Return the stored multiply-adds of a sample, 1 if there are none."""
    return max(1, stored_counts(get_entry(spec.model)).get("macs", 1))


def _seconds_per_sample(
    spec: EvalSpec, data: Path | None, group: ProcessGroup, config: EvalConfig
) -> float:
    """Time the second of two runs; too short if a sample cannot be read."""
    import torch

    evaluator = spec.build_evaluator(data)
    evaluator.prepare(group.device, config)
    size = min(WARM_UP, config.batch_size or evaluator.batch_size)
    batch = next(iter(evaluator.batches(range(evaluator.size), size)))
    for _ in range(2):
        start = time.perf_counter()
        with suppress(UnreadableSampleError), torch.inference_mode():
            list(evaluator.predict([(index, evaluator.load(index)) for index in batch]))
        seconds = time.perf_counter() - start
    return seconds / len(batch)
