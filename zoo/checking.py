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

from zoo import judging, ledger, literature, provided, registry
from zoo.evaluation.how import How
from zoo.evaluation.works import Work, content
from zoo.evaluation.world import World, join
from zoo.judging import Findings, judged_on
from zoo.ledger import Ledger, Record
from zoo.literature import Claim, Paper
from zoo.planning import Here, Step, estimate, plan, works
from zoo.pretrained import Weights
from zoo.verdicts import Verdict

Wanted = tuple[Paper, list[Claim], list[Weights]]
SMOKE = "a try with the first samples alone: no measurement, and in no ledger"


class Watch(Protocol):
    """Who is told how a check goes on."""

    def planned(self, steps: Sequence[Step], seconds: Mapping[Work, float]) -> None: ...
    def counting(self, what: str) -> None: ...
    def begins(self, tried: Work, samples: int) -> None: ...
    def advance(self, samples: int) -> None: ...


class Silent:
    """Nobody."""

    def planned(self, steps: Sequence[Step], seconds: Mapping[Work, float]) -> None:
        pass

    def counting(self, what: str) -> None:
        pass

    def begins(self, tried: Work, samples: int) -> None:
        pass

    def advance(self, samples: int) -> None:
        pass


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a check measures: `again` what this machine has measured before; on a `device`, by as
    many `processes` as there must be; into a `ledger`, one's own by default. The others are those
    of evaluation.How."""

    again: bool = False
    device: str = "auto"
    processes: int = 0
    ledger: Ledger = field(default_factory=ledger.own)
    how: How = field(default_factory=How)


def check_claims() -> None:
    """Raises PaperError for claims on a model that the zoo lacks, or weights of another room's."""
    known = registry.variants()
    for paper in literature.load_all():
        text = f"{paper.id}/paper.toml"
        named = [(m, f"{text}:{c.line}", "zoo") for c in paper.claims for m in (c.model, c.than)]
        named += [(weights.model, weights.where, "room") for weights in paper.weights]
        for model, where, within in named:
            entry = known.get(model)
            if model and (
                not entry or (within == "room" and registry.paper_of(entry) is not paper)
            ):
                raise literature.PaperError(
                    f"{where}: this {within} has no model {model!r}; "
                    f"the nearest names are {registry.nearest(model, list(known))}"
                )


def wanted(names: Iterable[str]) -> list[Wanted]:
    """Papers with those of their claims and weights that `names` ask for (all, if there are none).

    A name is a model or weights (or a pattern), a room, or an arXiv number; weights bring the
    measured claims that they may be judged on. Raises UnknownNameError.
    """
    check_claims()
    asked = list(names)
    found = []
    matched: set[str] = set()
    for paper in literature.load_all():
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
            registry.variant(name.partition(".")[0])
        raise registry.UnknownNameError(f"no paper claims anything about {name!r}")
    if not any(claims or weights for _, claims, weights in found):
        raise LookupError(f"no claim may be judged on {', '.join(asked)}, by its paper's protocol")
    return found


def _weights_for(paper: Paper) -> list[Weights]:
    """A room's weights, then those that other rooms have of the networks it makes claims on."""
    claimed = sorted({claim.model for claim in paper.claims})
    others = (w for model in claimed for w in registry.weights_of(model))
    return [*paper.weights, *(w for w in others if w.paper != paper.id)]


def _about_any(weights: Iterable[Weights], claim: Claim) -> bool:
    return claim.kind == "measured" and any(
        w.model == claim.model and judged_on(w, claim) for w in weights
    )


def _fits(model: str, pattern: str) -> bool:
    return fnmatchcase(model, pattern) or fnmatchcase(model.partition(".")[0], pattern)


def check(
    *names: str, data: str | Path | None = None, watch: Watch | None = None, **options: Any
) -> list[Verdict]:
    """Holds the claims on `names` (models, weights, patterns, rooms, arXiv numbers; all by default)
    against what is counted and measured now, or was measured before.

    `data` is a folder of data sets, one folder each; for the options see Options and
    evaluation.How (limit, precision, batch_size, ...). What is measured is added to the ledger at
    once. Of several processes the main one alone has verdicts. Raises UnknownNameError; ValueError
    for a sample that cannot be read.
    """
    how = How(**{k: options.pop(k) for k in list(options) if k in How.__dataclass_fields__})
    given = Options(how=how, **options)
    asked = wanted(names)
    world = join(given.device, given.processes)
    everything = works(
        (claim for _, claims, _ in asked for claim in claims),
        [w for _, _, weights in asked for w in weights],
    )
    findings = measure(everything, Path(data) if data else None, world, given, watch or Silent())
    rows = list(_verdicts(asked, findings, watch or Silent())) if world.is_main else []
    if world.is_main and not rows:
        why = "; ".join(dict.fromkeys(findings.reasons.values())) or "no paper claims anything"
        raise LookupError(f"there is nothing to say about {', '.join(names)}: {why}")
    return rows


def measure(
    everything: Sequence[Work], data: Path | None, world: World, options: Options, watch: Watch
) -> Findings:
    """What was measured before or is now, of all that there is to measure."""
    here, how = Here(data), options.how
    published = ledger.published().records()
    own = options.ledger.records()
    known = [] if options.again or how.limit else own
    steps = plan(everything, here, how.precision, known, [] if how.limit else published)
    if world.is_main:
        watch.planned(steps, estimate(steps, here, world, how))
    to_do = world.shared([step.work for step in steps if step.to_do])
    tries = [r for tried in to_do if (r := _try(tried, here, world, options, watch))]
    reasons = {step.work: step.why for step in steps if step.why}
    if how.limit:
        return Findings(tries, reasons, how.precision)
    training = [r for r in own if r["kind"] == "training"]
    return Findings(
        [*published, *training, *(s.record for s in steps if s.record and s.own), *tries],
        reasons,
        how.precision,
    )


def _try(tried: Work, here: Here, world: World, options: Options, watch: Watch) -> Record | None:
    """The record of a work, measured now: in the ledger, unless it is of the first samples alone.
    None on all processes but the main one."""
    from zoo.evaluation.engine import run

    job = world.main_first(lambda: tried.job(here.data))
    key, how = tried.key(options.how.precision), options.how
    setting = key | {"limit": how.limit, "again": options.again}
    digest = hashlib.sha256(json.dumps(setting, sort_keys=True).encode()).hexdigest()[:24]
    folder = ledger.own().folder.with_name("unfinished") / digest
    watch.begins(tried, min(job.size, how.limit or job.size))
    outcome = run(job, world, how, setting=setting, folder=folder, advance=watch.advance)
    if not world.is_main:
        return None
    made = content(key, job, outcome, world)
    record = {**made, "id": ""} if how.limit else options.ledger.add(made)
    shutil.rmtree(folder, ignore_errors=True)
    return record


def recorded(*names: str) -> list[Verdict]:
    """Verdicts on the same from counts.json and the ledgers alone: nothing is measured."""
    records = [*ledger.published().records(), *ledger.own().records()]
    return list(_verdicts(wanted(names), Findings(records), None))


def _verdicts(
    asked: Sequence[Wanted], findings: Findings, watch: Watch | None
) -> Iterator[Verdict]:
    """Row by row. Without a watch, counts are those of counts.json."""
    for paper, claims, weights in asked:
        for claim in claims:
            if watch:
                watch.counting(f"{paper.id}: {claim.model}")
            yield _verdict(claim, findings, weights, now=watch is not None)
        for one in weights:
            if one.paper == paper.id:
                kind = provided.bundled if one.bundled else provided.others
                yield from map(_tried, kind(one, findings))


def _verdict(claim: Claim, findings: Findings, among: Sequence[Weights], now: bool) -> Verdict:
    if claim.kind == "counted":
        return judging.counted(claim, now)
    if claim.kind == "relative":
        return judging.relative(claim, findings.records, now)
    return _tried(judging.measured(claim, findings, among))


def _tried(verdict: Verdict) -> Verdict:
    """A verdict that follows from a try is none."""
    if verdict.measured and verdict.kind != "counted" and not verdict.record:
        return replace(verdict, status="not run", why=SMOKE)
    return verdict
