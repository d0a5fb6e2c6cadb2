"""Measured claims judged by training runs: the mean of their seeds must give the printed digits.

paper, runs of a ledger -> runs that follow the protocol, one a seed -> mean -> verdict by claim

A protocol has such runs if its [[training]] entry has `seeds`. Which runs count is said in
zoo.claims.runs.
"""

from collections.abc import Iterable, Sequence
from statistics import mean

from zoo.claims.comparison import rounds_to
from zoo.claims.judge import explain_miss
from zoo.claims.runs import runs_of, score_of
from zoo.claims.verdict import (
    Evidence,
    NotRun,
    Reason,
    Status,
    Verdict,
    make_verdict,
    not_run,
    unit,
)
from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation.ledger import Record
from zoo.models._registry import list_weights
from zoo.papers.records import Claim, Paper, TrainingProtocol


def judge_trained(
    paper: Paper, published: Iterable[Record], own: Iterable[Record] = ()
) -> dict[object, Verdict]:
    """Judge the measured claims of a paper by training runs: {claim.key: verdict}.

    Published runs go before one's own. Claims without runs are left out, unless nothing else could
    judge them.
    """
    verdicts: dict[object, Verdict] = {}
    protocols = {p.protocol: p for p in paper.training if p.seeds}
    ledgers = [_training_runs(records, protocols.values()) for records in (published, own)]
    for claim in paper.claims:
        protocol = protocols.get(claim.protocol)
        if not protocol or not is_trainable(claim):
            continue
        candidates = (runs_of(claim.model, claim, protocol, records) for records in ledgers)
        runs = next(filter(None, candidates), {})
        if runs:
            ordered = [runs[seed] for seed in sorted(runs)]
            verdicts[claim.key] = judge_runs(claim, protocol, ordered)
        elif not list_weights(claim.model):
            subject = f"{claim.model}.{protocol.recipe} on {claim.benchmark}"
            verdicts[claim.key] = not_run(claim, NotRun(Reason.NOT_MEASURED, subject))
    return verdicts


def is_trainable(claim: Claim) -> bool:
    """True for a measured claim on a network and a benchmark that the zoo has."""
    return claim.kind == "measured" and not claim.variant and claim.benchmark in BENCHMARKS


def _training_runs(
    records: Iterable[Record], protocols: Iterable[TrainingProtocol]
) -> list[Record]:
    recipes = tuple(f".{protocol.recipe}" for protocol in protocols)
    return [r for r in records if r["kind"] == "training" and r["recipe"].endswith(recipes)]


def judge_runs(claim: Claim, protocol: TrainingProtocol, runs: Sequence[Record]) -> Verdict:
    """Judge a measured claim by runs of its protocol, one a seed."""
    assert claim.value is not None
    runs = runs[: protocol.seeds]
    value = mean(score_of(run, claim) for run in runs)
    enough = len(runs) == protocol.seeds
    status, why = Status.INCONCLUSIVE, f"{len(runs)} of the {protocol.seeds} seeds"
    if enough:
        agrees = rounds_to(value, claim.value)
        status, why = (Status.REPRODUCED if agrees else Status.NOT_REPRODUCED), ""
    digits = 1 - int(claim.value.as_tuple().exponent)
    of = f", mean of {len(runs)} seeds" if protocol.seeds > 1 else ""
    verdict = make_verdict(
        claim,
        status,
        measured=f"{value:.{digits}f}{unit(claim)}{of}",
        evidence=Evidence.TRAINED_HERE,
        records=tuple(run["id"] for run in runs),
        date=max(run["date"] for run in runs),
        why=why,
    )
    return explain_miss(verdict, claim)
