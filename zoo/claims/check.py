"""Every claim is counted, measured or looked up, and judged.

names -> claims, weights -> plan -> records, added to a ledger -> verdicts
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from glob import has_magic
from pathlib import Path
from typing import Any, Protocol

from zoo.claims import judge
from zoo.claims import weights as provided
from zoo.claims.judge import RecordIndex
from zoo.claims.matching import is_applicable
from zoo.claims.plan import LocalResources, PlannedEval, collect_specs, estimate, plan
from zoo.claims.verdict import Verdict
from zoo.distributed import ProcessGroup, init
from zoo.evaluation import ledger
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.ledger import Ledger, Record
from zoo.evaluation.spec import EvalSpec, make_record
from zoo.models._catalog import validate_claims
from zoo.models._registry import (
    UnknownNameError,
    get_entry,
    list_weights,
)
from zoo.papers.loading import load_papers
from zoo.papers.records import Claim, Paper
from zoo.papers.weights import Weights

Selection = tuple[Paper, list[Claim], list[Weights]]
SMOKE_RUN = "a try with the first samples alone: no measurement, and in no ledger"


class ProgressCallback(Protocol):
    """Who is told how a check goes on."""

    def planned(self, steps: Sequence[PlannedEval], seconds: Mapping[EvalSpec, float]) -> None: ...
    def counting(self, what: str) -> None: ...
    def begins(self, tried: EvalSpec, samples: int) -> None: ...
    def advance(self, samples: int) -> None: ...


class NoProgress:
    """Nobody."""

    def planned(self, steps: Sequence[PlannedEval], seconds: Mapping[EvalSpec, float]) -> None:
        pass

    def counting(self, what: str) -> None:
        pass

    def begins(self, tried: EvalSpec, samples: int) -> None:
        pass

    def advance(self, samples: int) -> None:
        pass


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """How a check measures: `again` what this machine has measured before; on a `device`, by as
    many `processes` as there must be; into a `ledger`, one's own by default. The others are those
    of evaluation.How."""

    again: bool = False
    device: str = "auto"
    processes: int = 0
    ledger: Ledger = field(default_factory=ledger.own)
    how: EvalConfig = field(default_factory=EvalConfig)


def select(names: Iterable[str]) -> list[Selection]:
    """Papers with those of their claims and weights that `names` ask for (all, if there are none).

    A name is a model or weights (or a pattern), a room, or an arXiv number; weights bring the
    measured claims that they may be judged on. Raises UnknownNameError.
    """
    validate_claims()
    asked = list(names)
    found = []
    matched: set[str] = set()
    for paper in load_papers():
        whole = {paper.id, paper.arxiv, paper.arxiv.partition("v")[0]} & set(asked)
        known = _weights_for(paper)
        models = {claim.model for claim in paper.claims} | {w.name for w in known}
        hits = {n: {m for m in models if _fits(m, n)} for n in asked}
        matched |= whole | {name for name, models_hit in hits.items() if models_hit}
        chosen = models if whole or not asked else set().union(*hits.values())
        weights = [w for w in known if w.name in chosen]
        claims = [c for c in paper.claims if c.model in chosen or _about_any(weights, c)]
        if claims or weights:
            found.append((paper, claims, weights))
    for name in set(asked) - matched:
        if not has_magic(name):
            get_entry(name.partition(".")[0])
        raise UnknownNameError(f"no paper claims anything about {name!r}")
    if not any(claims or weights for _, claims, weights in found):
        raise LookupError(f"no claim may be judged on {', '.join(asked)}, by its paper's protocol")
    return found


def _weights_for(paper: Paper) -> list[Weights]:
    """A room's weights, then those that other rooms have of the networks it makes claims on."""
    claimed = sorted({claim.model for claim in paper.claims})
    others = (w for model in claimed for w in list_weights(model))
    return [*paper.weights, *(w for w in others if w.paper != paper.id)]


def _about_any(weights: Iterable[Weights], claim: Claim) -> bool:
    return claim.kind == "measured" and any(
        w.model == claim.model and is_applicable(w, claim) for w in weights
    )


def _fits(model: str, pattern: str) -> bool:
    return fnmatchcase(model, pattern) or fnmatchcase(model.partition(".")[0], pattern)


def check(
    *names: str,
    data: str | Path | None = None,
    watch: ProgressCallback | None = None,
    **options: Any,
) -> list[Verdict]:
    """Holds the claims on `names` (models, weights, patterns, rooms, arXiv numbers; all by default)
    against what is counted and measured now, or was measured before.

    `data` is a folder of data sets, one folder each; for the options see Options and
    evaluation.How (limit, precision, batch_size, ...). What is measured is added to the ledger at
    once. Of several processes the main one alone has verdicts. Raises UnknownNameError; ValueError
    for a sample that cannot be read.
    """
    how = EvalConfig(
        **{k: options.pop(k) for k in list(options) if k in EvalConfig.__dataclass_fields__}
    )
    given = CheckOptions(how=how, **options)
    asked = select(names)
    world = init(given.device, given.processes)
    everything = collect_specs(
        (claim for _, claims, _ in asked for claim in claims),
        [w for _, _, weights in asked for w in weights],
    )
    findings = measure(
        everything, Path(data) if data else None, world, given, watch or NoProgress()
    )
    rows = list(_verdicts(asked, findings, watch or NoProgress())) if world.is_main else []
    if world.is_main and not rows:
        why = "; ".join(dict.fromkeys(findings.reasons.values())) or "no paper claims anything"
        raise LookupError(f"there is nothing to say about {', '.join(names)}: {why}")
    return rows


def measure(
    everything: Sequence[EvalSpec],
    data: Path | None,
    world: ProcessGroup,
    options: CheckOptions,
    watch: ProgressCallback,
) -> RecordIndex:
    """What was measured before or is now, of all that there is to measure."""
    here, how = LocalResources(data), options.how
    published = ledger.published().records()
    own = options.ledger.records()
    known = [] if options.again or how.limit else own
    steps = plan(everything, here, how.precision, known, [] if how.limit else published)
    if world.is_main:
        watch.planned(steps, estimate(steps, here, world, how))
    to_do = world.shared([step.work for step in steps if step.to_do])
    tries = [r for tried in to_do if (r := _evaluate(tried, here, world, options, watch))]
    reasons = {step.work: step.why for step in steps if step.why}
    if how.limit:
        return RecordIndex(tries, reasons, how.precision)
    training = [r for r in own if r["kind"] == "training"]
    return RecordIndex(
        [*published, *training, *(s.record for s in steps if s.record and s.own), *tries],
        reasons,
        how.precision,
    )


def _evaluate(
    tried: EvalSpec,
    here: LocalResources,
    world: ProcessGroup,
    options: CheckOptions,
    watch: ProgressCallback,
) -> Record | None:
    """The record of a work, measured now: in the ledger, unless it is of the first samples alone.
    None on all processes but the main one."""
    from zoo.evaluation.engine import run_evaluation

    job = world.main_first(lambda: tried.job(here.data))
    key, how = tried.key(options.how.precision), options.how
    setting = key | {"limit": how.limit, "again": options.again}
    digest = hashlib.sha256(json.dumps(setting, sort_keys=True).encode()).hexdigest()[:24]
    folder = ledger.own().folder.with_name("unfinished") / digest
    watch.begins(tried, min(job.size, how.limit or job.size))
    outcome = run_evaluation(job, world, how, setting=setting, folder=folder, advance=watch.advance)
    if not world.is_main:
        return None
    made = make_record(key, job, outcome, world)
    record = {**made, "id": ""} if how.limit else options.ledger.add(made)
    shutil.rmtree(folder, ignore_errors=True)
    return record


def verdicts_from_records(*names: str) -> list[Verdict]:
    """Verdicts on the same from counts.json and the ledgers alone: nothing is measured."""
    records = [*ledger.published().records(), *ledger.own().records()]
    return list(_verdicts(select(names), RecordIndex(records), None))


def _verdicts(
    asked: Sequence[Selection], findings: RecordIndex, watch: ProgressCallback | None
) -> Iterator[Verdict]:
    """Row by row. Without a watch, counts are those of counts.json."""
    for paper, claims, weights in asked:
        for claim in claims:
            if watch:
                watch.counting(f"{paper.id}: {claim.model}")
            yield _verdict(claim, findings, weights, now=watch is not None)
        for one in weights:
            if one.paper == paper.id:
                kind = provided.check_bundled if one.bundled else provided.list_scores
                yield from map(_tried, kind(one, findings))


def _verdict(claim: Claim, findings: RecordIndex, among: Sequence[Weights], now: bool) -> Verdict:
    if claim.kind == "counted":
        return judge.counted(claim, now)
    if claim.kind == "relative":
        return judge.relative(claim, findings.records, now)
    return _tried(judge.measured(claim, findings, among))


def _tried(verdict: Verdict) -> Verdict:
    """A verdict that follows from a try is none."""
    if verdict.measured and verdict.kind != "counted" and not verdict.record:
        return replace(verdict, status="not run", why=SMOKE_RUN)
    return verdict
