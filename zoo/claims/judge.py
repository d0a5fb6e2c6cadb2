"""Claims and records in, verdicts out: nothing is measured here. Here facts and code meet.

claim of paper.toml -> weights that it may be judged on -> work -> record of a ledger -> verdict
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from zoo.claims.counts import count_model, evaluate_formula, precision_note, recorded
from zoo.claims.matching import (
    SCORES,
    SHARES,
    is_applicable,
    needs_no_weights,
    paper,
    specs_for,
    why_not_runnable,
    why_unavailable,
)
from zoo.claims.verdict import (
    NOT_BUILT,
    Verdict,
    judge_count,
    judge_error,
    judge_formula,
    judge_relative,
    judge_score,
    make_verdict,
)
from zoo.evaluation.ledger import Record
from zoo.evaluation.spec import EvalSpec, find_record
from zoo.models._registry import list_weights
from zoo.papers.records import Claim, Contradiction, Deviation
from zoo.papers.weights import OTHER_RECIPE, Weights


@dataclass(frozen=True)
class RecordIndex:
    """What is known of works: records, those that count most last, or why there is none."""

    records: Sequence[Record]
    reasons: Mapping[EvalSpec, str] = field(default_factory=dict)
    precision: str = "fp32"

    def of(self, work: EvalSpec) -> Record | None:
        """The record of a work, if there is one."""
        return find_record(self.records, work.key(self.precision))

    def why_not(self, work: EvalSpec) -> str:
        """Why a work has no record."""
        known = self.reasons.get(work)
        return known or f"no record of {work.name} on {work.benchmark} is in a ledger"


def explained(verdict: Verdict, claim: Claim) -> Verdict:
    """The verdict on a claim, with the record of its room that explains a miss."""
    if verdict.status != "missed" or not claim.explained_by:
        return verdict
    room = paper(claim.paper)
    records: list[Deviation | Contradiction] = [*room.deviations, *room.contradictions]
    record = next(r for r in records if r.id == claim.explained_by)
    return replace(verdict, why=record.what.strip(), explained_by=record.id)


def counted(claim: Claim, now: bool = True) -> Verdict:
    """The verdict on a counted claim, from the network itself or, if not `now`, by the counts.json
    that eval/counts.py wrote and the tests count again."""
    if claim.variant:
        return make_verdict(claim, "not run", why=NOT_BUILT)
    if claim.formula:
        return explained(judge_count(claim, *_by_formula(claim, now)), claim)
    if not now:
        return explained(judge_count(claim, recorded(claim)[claim.metric]), claim)
    args = json.dumps(dict(claim.args), sort_keys=True)
    found = count_model(claim.model, args, claim.input_size)
    return explained(judge_count(claim, getattr(found, claim.metric)), claim)


def _by_formula(claim: Claim, now: bool) -> tuple[Any, Any]:
    if now:
        return evaluate_formula(claim)
    known = recorded(claim)
    return known["given"], known["built"]


def relative(claim: Claim, records: Sequence[Record], now: bool = True) -> Verdict:
    """The verdict on a relative claim: by a formula of the paper's room, or by recorded runs."""
    if claim.formula:
        return explained(judge_formula(claim, *_by_formula(claim, now)), claim)
    return explained(judge_relative(claim, [r for r in records if r["kind"] == "training"]), claim)


def reported(metric: str, among: Iterable[Weights]) -> str:
    """What a provider reports for the first of these weights that it reports anything about."""
    for weights in among:
        if weights.reported:
            value = weights.reported[0].value(metric)
            return f"{value} % ({weights.name})" if value is not None else ""
    return ""


def measured(
    claim: Claim, findings: RecordIndex, among: Sequence[Weights] | None = None
) -> Verdict:
    """The verdict on a measured claim, by the record of the first weights that fit (`among` some,
    if that is asked for)."""
    known = [w for w in list_weights(claim.model) if among is None or w in among]
    fitting = [weights for weights in known if is_applicable(weights, claim)]
    verdict = _measured(claim, findings, fitting, known)
    return replace(verdict, provider=reported(claim.metric, fitting))


def _measured(
    claim: Claim, findings: RecordIndex, fitting: Sequence[Weights], known: Sequence[Weights]
) -> Verdict:
    if why := why_not_runnable(claim):
        missing = why_unavailable(fitting[0]) if fitting else ""
        return make_verdict(claim, "not run", why=why + (f"; {missing}" if missing else ""))
    if not claim.protocol:
        return make_verdict(claim, "protocol unknown")
    works = specs_for(claim, fitting)
    by_name = {weights.name: weights for weights in fitting}
    for tried in works:
        if (record := findings.of(tried)) and SCORES[claim.metric] in record["scores"]:
            return by_record(claim, record, by_name.get(tried.weights))
    if not fitting and not needs_no_weights(claim.model):
        return make_verdict(claim, "not run", why=_no_weights(claim, known))
    if not works:
        return make_verdict(
            claim, "not run", why=f"what {claim.protocol} shows is not written down"
        )
    return make_verdict(claim, "not run", why=findings.why_not(works[0]))


def by_record(claim: Claim, record: Record, weights: Weights | None) -> Verdict:
    """The verdict on a measured claim that follows from a record. Bicubic interpolation, which has
    no weights, is everybody's; so are published images. The interval of a mean over images, which
    are the claim's own, is in the record alone."""
    same = weights is None or weights.relation in ("official", "port")
    name = SCORES[claim.metric]
    score = record["scores"][name]
    if name in SHARES:
        verdict = judge_error(claim, score["count"], score["total"], same_weights=same)
    else:
        verdict = judge_score(claim, score["value"], same_weights=same)
    if weights and weights.relation == OTHER_RECIPE:
        verdict = replace(verdict, why=f"{weights.name}: {OTHER_RECIPE}")
    verdict = explained(verdict, claim)
    notes = [verdict.why, precision_note(record)]
    notes.append(
        "of the images that the authors published" if record["protocol"].get("images") else ""
    )
    notes.append(f"{len(record['broken'])} broken samples left out" if record["broken"] else "")
    why = "; ".join(filter(None, notes))
    return replace(verdict, why=why, record=record["id"], date=record["date"])


def _no_weights(claim: Claim, known: Sequence[Weights]) -> str:
    """Why none of the weights of a model can be held against a claim."""
    if not known and not claim.args:
        return "the zoo knows of no weights of these networks"
    for weights in known:
        if claim.benchmark in weights.benchmarks and dict(weights.args) != dict(claim.args):
            args = ", ".join(f"{key}={value!r}" for key, value in weights.args.items())
            return f"no weights for {claim.benchmark}; {weights.name} are of {claim.model}({args})"
    others = sorted({benchmark for weights in known for benchmark in weights.benchmarks})
    if claim.benchmark in others:
        return f"no weights for {claim.benchmark} by the protocol {claim.protocol}"
    have = f"; those here are for {', '.join(others)}" if others else ""
    return f"no weights for {claim.benchmark}{have}"
