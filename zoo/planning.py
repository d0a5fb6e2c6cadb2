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

from zoo import measuring, registry, tasks
from zoo.benchmarks import BENCHMARKS, NoDataError
from zoo.evaluation.how import How
from zoo.evaluation.samples import BrokenError
from zoo.evaluation.works import Work, measured_before, work
from zoo.evaluation.world import World
from zoo.judging import candidates, judged_on, obstacle
from zoo.ledger import Record
from zoo.literature import Claim
from zoo.pretrained import Weights

WARM_UP = 4  # samples, of a batch at most
KINDS = (*(task.works for task in tasks.TASKS.values()), "interpolations", "published images")


@dataclass(frozen=True)
class Step:
    """A work, and whether it is `to do`; or the `record` that there is of it, of this machine or
    published; or `why` it cannot be done here."""

    work: Work
    record: Record | None = None
    why: str = ""
    own: bool = False

    @property
    def to_do(self) -> bool:
        """Whether it has to be measured, and can be."""
        return not self.record and not self.why


@dataclass
class Here:
    """What this machine has: weights, and data sets in a folder; each is asked for once."""

    data: Path | None
    found: dict[str, Any] = field(default_factory=dict)

    def lacks(self, tried: Work) -> str:
        """Why a work cannot be done here; "" if it can."""
        if tried.weights:
            _, weights = registry.split(tried.weights)
            assert weights
            if missing := measuring.missing(weights):
                return missing
        if tried.images and self._sum(tried.images) != tried.sha256:
            return f"{tried.images} in the folder of data does not hold the published images"
        opened = self._opened(tried.benchmark)
        return str(opened) if isinstance(opened, NoDataError) else ""

    def _opened(self, benchmark: str) -> Any:
        if benchmark not in self.found:
            try:
                self.found[benchmark] = BENCHMARKS[benchmark].open(self.data)
            except NoDataError as error:
                self.found[benchmark] = error
        return self.found[benchmark]

    def _sum(self, folder: str) -> str:
        from zoo.evaluation.published import digest

        return digest(self.data / folder) if self.data else ""

    def samples(self, tried: Work) -> int:
        """How many a work has: images or, of texts, about so many windows."""
        size = tasks.of(tried.model).size
        if size:
            return size(self._opened(tried.benchmark), tried.protocol)
        return BENCHMARKS[tried.benchmark].size


def works_of(weights: Weights) -> list[Work]:
    """What weights may be measured on: where they come with a record, by its protocols; else by the
    zoo's own, on the benchmarks that they are for."""
    if weights.bundled:
        return [work(weights, name, protocol) for name, protocol in recorded_protocols(weights)]
    own = tasks.of(weights.model).own(registry.variant(weights.model).cfg)
    return [work(weights, name, own) for name in weights.benchmarks if name in BENCHMARKS]


def recorded_protocols(weights: Weights) -> list[tuple[str, Any]]:
    """(benchmark, protocol) of what was measured when bundled weights were made."""
    task = tasks.of(weights.model)
    recorded = measuring.record_of(weights)["benchmarks"]
    return [(name, task.recorded(then.get("protocol", {}))) for name, then in recorded.items()]


def works(claims: Iterable[Claim], weights: Sequence[Weights]) -> list[Work]:
    """All that claims and weights ask for, each once, in their order."""
    found: dict[Work, None] = {}
    for claim in claims:
        if claim.kind == "measured" and claim.protocol and not obstacle(claim):
            known = [w for w in registry.weights_of(claim.model) if w in weights]
            found |= dict.fromkeys(candidates(claim, [w for w in known if judged_on(w, claim)]))
    for one in weights:
        found |= dict.fromkeys(works_of(one))
    return list(found)


def plan(
    tried: Iterable[Work],
    here: Here,
    precision: str,
    own: Sequence[Record],
    published: Sequence[Record],
) -> list[Step]:
    """A step for each work. What this machine has measured is not measured again; what others have
    is, where that is possible."""
    steps = []
    for one in tried:
        key = one.key(precision)
        if record := measured_before(own, key):
            steps.append(Step(one, record, own=True))
        elif not (why := here.lacks(one)):
            steps.append(Step(one))
        elif record := measured_before(published, key):
            steps.append(Step(one, record))
        else:
            steps.append(Step(one, why=why))
    return steps


def kind(tried: Work) -> str:
    """What a work is of, one of KINDS."""
    if tried.images:
        return "published images"
    return tasks.of(tried.model).works if tried.weights else "interpolations"


def estimate(steps: Sequence[Step], here: Here, world: World, how: How) -> dict[Work, float]:
    """Seconds that each step to be done should take: the smallest of each kind answers some samples
    twice, and others take as much longer as they have multiply-adds and samples."""

    def samples(tried: Work) -> int:
        return min(here.samples(tried), how.limit or sys.maxsize)

    seconds: dict[Work, float] = {}
    for name in KINDS:
        same = [step.work for step in steps if step.to_do and kind(step.work) == name]
        if same:
            least = min(same, key=lambda w: _macs(w) * samples(w))
            rate = _warm_up(least, here, world, how) / _macs(least) / world.size
            seconds |= {tried: rate * _macs(tried) * samples(tried) for tried in same}
    return seconds


def _macs(tried: Work) -> int:
    return max(1, registry.recorded_counts(registry.variant(tried.model)).get("macs", 1))


def _warm_up(tried: Work, here: Here, world: World, how: How) -> float:
    """Seconds a sample, of the second of two tries; of one that cannot be read, too few."""
    import torch

    job = tried.job(here.data)
    job.ready(world.device, how)
    size = min(WARM_UP, how.batch_size or job.batch_size)
    first = next(iter(job.groups(range(job.size), size)))
    for _ in range(2):
        start = time.perf_counter()
        with suppress(BrokenError), torch.inference_mode():
            list(job.answer([(index, job.load(index)) for index in first]))
        taken = time.perf_counter() - start
    return taken / len(first)
