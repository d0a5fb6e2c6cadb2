"""Claims and records in, verdicts out: nothing is measured here.

claim -> weights that may judge it -> spec -> record -> verdict
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from zoo.claims import counts
from zoo.claims.comparison import (
    judge_count,
    judge_error,
    judge_formula,
    judge_mean_error,
    judge_score,
)
from zoo.claims.matching import (
    SCORES,
    SHARES,
    get_paper,
    is_applicable,
    is_reported_for,
    needs_no_weights,
    specs_for,
    why_not_runnable,
    why_unavailable,
)
from zoo.claims.plan import PlannedEval
from zoo.claims.verdict import (
    Evidence,
    NotRun,
    Reason,
    Status,
    Verdict,
    format_call,
    not_run,
    unit_of,
    why_not_built,
)
from zoo.data.benchmarks import MEANS, image_of
from zoo.evaluation.ledger import Record, backend_of
from zoo.evaluation.spec import EvalSpec
from zoo.models._registry import list_weights
from zoo.papers.records import Claim, Contradiction, Deviation
from zoo.papers.weights import OTHER_RECIPE, Weights

Evaluations = Mapping[EvalSpec, PlannedEval]


def explain_miss(verdict: Verdict, claim: Claim) -> Verdict:
    """Add to a miss the deviation or contradiction of its paper that explains it."""
    if verdict.status != Status.NOT_REPRODUCED or not claim.explained_by:
        return verdict
    paper = get_paper(claim.paper)
    candidates: list[Deviation | Contradiction] = [*paper.deviations, *paper.contradictions]
    cause = next(c for c in candidates if c.id == claim.explained_by)
    return replace(verdict, why=cause.what.strip(), explained_by=cause.id)


def counted(claim: Claim, recount: bool = True) -> Verdict:
    """Judge a counted claim by the network itself, or else by counts.json."""
    if claim.variant:
        return not_run(claim, why_not_built(claim))
    if claim.formula:
        return explain_miss(judge_count(claim, *_by_formula(claim, recount)), claim)
    if recount:
        args = json.dumps(dict(claim.args), sort_keys=True)
        count = getattr(counts.count_model(claim.model, args, claim.input_size), claim.metric)
    else:
        count = counts.recorded(claim)[claim.metric]
    return explain_miss(judge_count(claim, count), claim)


def _by_formula(claim: Claim, recount: bool) -> tuple[Any, Any]:
    """Return (value as built, value by the paper's formula or None)."""
    value = counts.count_claim(claim) if recount else counts.recorded(claim)
    return value["built"], value["formula"]


def relative(claim: Claim, comparisons: Mapping[object, Verdict], recount: bool = True) -> Verdict:
    """Judge a comparison by a formula of its paper, or else as training runs decided it."""
    if claim.formula:
        try:
            values = _by_formula(claim, recount)
        except ImportError as error:
            return not_run(claim, NotRun(Reason.NO_LIBRARY, str(error)))
        return explain_miss(judge_formula(claim, *values), claim)
    return explain_miss(comparisons[claim.key], claim)


def measured(
    claim: Claim, evaluations: Evaluations, among: Sequence[Weights] | None = None
) -> Verdict:
    """Judge a measured claim by the record of the first applicable weights (of `among`, or all)."""
    known = [w for w in list_weights(claim.model) if among is None or w in among]
    applicable = [weights for weights in known if is_applicable(weights, claim)]
    verdict = _measured(claim, evaluations, applicable, known)
    same_setting = [weights for weights in applicable if is_reported_for(weights, claim)]
    return replace(verdict, provider=reported(claim.benchmark, claim.metric, same_setting))


def reported(benchmark: str, metric: str, among: Iterable[Weights]) -> str:
    """Return the score that the first provider among these weights reports, or ""."""
    for weights in among:
        value = weights.reported_value(benchmark, metric)
        if value is not None:
            return f"{value}{unit_of(metric)} ({weights.name})"
    return ""


def _measured(
    claim: Claim,
    evaluations: Evaluations,
    applicable: Sequence[Weights],
    known: Sequence[Weights],
) -> Verdict:
    if obstacle := why_not_runnable(claim):
        missing = why_unavailable(applicable[0]) if applicable else None
        return not_run(claim, replace(obstacle, hint=str(missing or "")))
    specs = specs_for(claim, applicable)
    by_name = {weights.name: weights for weights in applicable}
    for spec in specs:
        record = evaluations[spec].record if spec in evaluations else None
        if record and claimed_score(claim, record) and claim.benchmark not in MEANS:
            return by_record(claim, record, by_name.get(spec.weights))
    if claim.benchmark in MEANS and (verdict := _by_mean(claim, evaluations, specs, by_name)):
        return verdict
    if not applicable and not needs_no_weights(claim.model):
        return not_run(claim, _no_weights(claim, known))
    if not specs:
        return not_run(claim, NotRun(Reason.NO_PROTOCOL, claim.protocol))
    without = (s for s in specs if s not in evaluations or not evaluations[s].record)
    return not_run(claim, why_no_record(evaluations, next(without, specs[0])))


def claimed_score(claim: Claim, record: Record) -> Mapping[str, Any] | None:
    """Return the score of a record that a claim is about, of one image if it is about one."""
    if image := image_of(claim.benchmark):
        parts = record["parts"].get(image, {})
        return {"value": parts[claim.metric]} if claim.metric in parts else None
    score: Mapping[str, Any] | None = record["scores"].get(SCORES[claim.metric])
    return score


def _by_mean(
    claim: Claim,
    evaluations: Evaluations,
    specs: Sequence[EvalSpec],
    by_name: Mapping[str, Weights],
) -> Verdict | None:
    """Judge a mean by the records of all its parts of the same weights, None if one is missing."""
    for name, weights in by_name.items():
        own = [spec for spec in specs if spec.weights == name]
        records = [evaluations[spec].record for spec in own if spec in evaluations]
        scores = [record["scores"].get(SCORES[claim.metric]) for record in records if record]
        if len(scores) == len(own) and all(scores):
            evidence = evidence_of(weights)
            same_weights = evidence == Evidence.AUTHORS
            verdict = judge_mean_error(claim, scores, same_weights=same_weights)
            last = max((r for r in records if r), key=lambda r: str(r["date"]))
            known = {"evidence": evidence, "record": last["id"], "date": last["date"]}
            return explain_miss(replace(verdict, **known), claim)
    return None


def why_no_record(evaluations: Evaluations, spec: EvalSpec) -> NotRun:
    """Return why an evaluation has no record."""
    reason = evaluations[spec].not_run if spec in evaluations else None
    return reason or NotRun(Reason.NOT_MEASURED, f"{spec.name} on {spec.benchmark}")


def by_record(claim: Claim, record: Record, weights: Weights | None) -> Verdict:
    """Judge a measured claim by a record.

    Records without weights (bicubic interpolation, published images) count as the authors' own.
    """
    evidence = evidence_of(weights)
    same_weights = evidence == Evidence.AUTHORS
    name = SCORES[claim.metric]
    score = claimed_score(claim, record)
    assert score
    if name in SHARES:
        verdict = judge_error(claim, score["count"], score["total"], same_weights=same_weights)
    else:
        verdict = judge_score(claim, score["value"], same_weights=same_weights)
    if weights and weights.relation == OTHER_RECIPE:
        verdict = replace(verdict, why=f"{weights.name}: {OTHER_RECIPE}")
    verdict = explain_miss(verdict, claim)
    published = record["protocol"].get("images")
    notes = [
        verdict.why,
        precision_note(record),
        "of the images that the authors published" if published else "",
        f"{len(record['broken'])} broken samples left out" if record["broken"] else "",
    ]
    why = "; ".join(filter(None, notes))
    return replace(verdict, why=why, evidence=evidence, record=record["id"], date=record["date"])


def evidence_of(weights: Weights | None) -> Evidence:
    """Return what kind of weights decide a reproduction; None stands for no weights."""
    if weights is None or weights.relation in ("official", "port"):
        return Evidence.AUTHORS
    if weights.bundled:
        return Evidence.TRAINED_HERE
    return Evidence.OTHER_RECIPE if weights.relation == OTHER_RECIPE else Evidence.SAME_RECIPE


def precision_note(record: Record) -> str:
    """Return a record's precision and backend, unless they are fp32 and eager, and how many
    predictions they changed."""
    precision, backend = record["precision"], backend_of(record)
    if (precision, backend) == ("fp32", "eager"):
        return ""
    note = precision if backend == "eager" else f"{precision} by {backend}"
    if "changed" not in record:
        return str(note)
    return "{} ({count} of {total} predictions changed)".format(note, **record["changed"])


def _no_weights(claim: Claim, known: Sequence[Weights]) -> NotRun:
    """Return why none of a model's weights can judge a claim."""
    if not known and not claim.args:
        return NotRun(Reason.NO_WEIGHTS, "these networks")
    for weights in known:
        if claim.benchmark in weights.benchmarks and dict(weights.args) != dict(claim.args):
            network, other = (format_call(claim.model, each.args) for each in (claim, weights))
            hint = f"{weights.name} are of {other}"
            return NotRun(Reason.NO_WEIGHTS, f"{network} on {claim.benchmark}", hint)
    benchmarks = sorted({benchmark for weights in known for benchmark in weights.benchmarks})
    if claim.benchmark in benchmarks:
        return NotRun(Reason.NO_WEIGHTS, f"{claim.benchmark} by the protocol {claim.protocol}")
    hint = f"those here are for {', '.join(benchmarks)}" if benchmarks else ""
    return NotRun(Reason.NO_WEIGHTS, claim.benchmark, hint)
