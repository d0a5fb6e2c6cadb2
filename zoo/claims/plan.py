"""What a check will measure, from where, how long it should take; what it will not, and why.

claims, weights -> works -> steps: to do | done before | published | not possible here
"""

import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.claims.matching import (
    is_applicable,
    specs_for,
    training_record,
    why_not_runnable,
    why_unavailable,
)
from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.distributed import ProcessGroup
from zoo.evaluation import tasks
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.ledger import Record
from zoo.evaluation.samples import UnreadableSampleError
from zoo.evaluation.spec import EvalSpec, find_record, spec_for
from zoo.models._registry import get_entry, list_weights, parse_name, stored_counts
from zoo.papers.records import Claim
from zoo.papers.weights import Weights

WARM_UP = 4  # samples, of a batch at most
KINDS = (*(task.works for task in tasks.TASKS.values()), "interpolations", "published images")


@dataclass(frozen=True)
class PlannedEval:
    """A work, and whether it is `to do`; or the `record` that there is of it, of this machine or
    published; or `why` it cannot be done here."""

    work: EvalSpec
    record: Record | None = None
    why: str = ""
    own: bool = False

    @property
    def to_do(self) -> bool:
        """Whether it has to be measured, and can be."""
        return not self.record and not self.why


@dataclass
class LocalResources:
    """What this machine has: weights, and data sets in a folder; each is asked for once."""

    data: Path | None
    found: dict[str, Any] = field(default_factory=dict)

    def lacks(self, tried: EvalSpec) -> str:
        """Why a work cannot be done here; "" if it can."""
        if tried.weights:
            _, weights = parse_name(tried.weights)
            assert weights
            if missing := why_unavailable(weights):
                return missing
        if tried.images and self._sum(tried.images) != tried.sha256:
            return f"{tried.images} in the folder of data does not hold the published images"
        opened = self._opened(tried.benchmark)
        return str(opened) if isinstance(opened, DatasetNotFoundError) else ""

    def _opened(self, benchmark: str) -> Any:
        if benchmark not in self.found:
            try:
                self.found[benchmark] = BENCHMARKS[benchmark].open(self.data)
            except DatasetNotFoundError as error:
                self.found[benchmark] = error
        return self.found[benchmark]

    def _sum(self, folder: str) -> str:
        from zoo.evaluation.evaluators.published_images import folder_digest

        return folder_digest(self.data / folder) if self.data else ""

    def samples(self, tried: EvalSpec) -> int:
        """How many a work has: images or, of texts, about so many windows."""
        size = tasks.task_of(tried.model).size
        if size:
            return size(self._opened(tried.benchmark), tried.protocol)
        return BENCHMARKS[tried.benchmark].size


def specs_of_weights(weights: Weights) -> list[EvalSpec]:
    """What weights may be measured on: where they come with a record, by its protocols; else by the
    zoo's own, on the benchmarks that they are for."""
    if weights.bundled:
        return [spec_for(weights, name, protocol) for name, protocol in recorded_protocols(weights)]
    own = tasks.task_of(weights.model).own(get_entry(weights.model).cfg)
    return [spec_for(weights, name, own) for name in weights.benchmarks if name in BENCHMARKS]


def recorded_protocols(weights: Weights) -> list[tuple[str, Any]]:
    """(benchmark, protocol) of what was measured when bundled weights were made."""
    task = tasks.task_of(weights.model)
    recorded = training_record(weights)["benchmarks"]
    return [(name, task.recorded(then.get("protocol", {}))) for name, then in recorded.items()]


def collect_specs(claims: Iterable[Claim], weights: Sequence[Weights]) -> list[EvalSpec]:
    """All that claims and weights ask for, each once, in their order."""
    found: dict[EvalSpec, None] = {}
    for claim in claims:
        if claim.kind == "measured" and claim.protocol and not why_not_runnable(claim):
            known = [w for w in list_weights(claim.model) if w in weights]
            found |= dict.fromkeys(specs_for(claim, [w for w in known if is_applicable(w, claim)]))
    for one in weights:
        found |= dict.fromkeys(specs_of_weights(one))
    return list(found)


def plan(
    tried: Iterable[EvalSpec],
    here: LocalResources,
    precision: str,
    own: Sequence[Record],
    published: Sequence[Record],
) -> list[PlannedEval]:
    """A step for each work. What this machine has measured is not measured again; what others have
    is, where that is possible."""
    steps = []
    for one in tried:
        key = one.key(precision)
        if record := find_record(own, key):
            steps.append(PlannedEval(one, record, own=True))
        elif not (why := here.lacks(one)):
            steps.append(PlannedEval(one))
        elif record := find_record(published, key):
            steps.append(PlannedEval(one, record))
        else:
            steps.append(PlannedEval(one, why=why))
    return steps


def kind(tried: EvalSpec) -> str:
    """What a work is of, one of KINDS."""
    if tried.images:
        return "published images"
    return tasks.task_of(tried.model).works if tried.weights else "interpolations"


def estimate(
    steps: Sequence[PlannedEval], here: LocalResources, world: ProcessGroup, how: EvalConfig
) -> dict[EvalSpec, float]:
    """Seconds that each step to be done should take: the smallest of each kind answers some samples
    twice, and others take as much longer as they have multiply-adds and samples."""

    def samples(tried: EvalSpec) -> int:
        return min(here.samples(tried), how.limit or sys.maxsize)

    seconds: dict[EvalSpec, float] = {}
    for name in KINDS:
        same = [step.work for step in steps if step.to_do and kind(step.work) == name]
        if same:
            least = min(same, key=lambda w: _macs(w) * samples(w))
            rate = _warm_up(least, here, world, how) / _macs(least) / world.size
            seconds |= {tried: rate * _macs(tried) * samples(tried) for tried in same}
    return seconds


def _macs(tried: EvalSpec) -> int:
    return max(1, stored_counts(get_entry(tried.model)).get("macs", 1))


def _warm_up(tried: EvalSpec, here: LocalResources, world: ProcessGroup, how: EvalConfig) -> float:
    """Seconds a sample, of the second of two tries; of one that cannot be read, too few."""
    import torch

    job = tried.job(here.data)
    job.ready(world.device, how)
    size = min(WARM_UP, how.batch_size or job.batch_size)
    first = next(iter(job.groups(range(job.size), size)))
    for _ in range(2):
        start = time.perf_counter()
        with suppress(UnreadableSampleError), torch.inference_mode():
            list(job.answer([(index, job.load(index)) for index in first]))
        taken = time.perf_counter() - start
    return taken / len(first)
