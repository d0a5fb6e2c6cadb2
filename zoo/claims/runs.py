"""Comparisons of two networks, judged by training runs of several seeds.

paper, runs of a ledger -> runs that follow the protocol -> pairs by seed -> verdict by claim

A run counts if recipe, epochs, batch size, precision and version of the benchmark are those of the
claim's protocol ([[training]] of paper.toml) and its commit has no changes. Of several runs of a
seed the first counts. Published runs and one's own are never mixed: one's own decide only where
no published ones exist.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean

from zoo.claims.verdict import (
    PRINTED_IN,
    RATIOS,
    Evidence,
    NotRun,
    Reason,
    Status,
    Verdict,
    make_verdict,
    not_run,
    why_not_built,
)
from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation.ledger import Record
from zoo.evaluation.statistics import holm, paired_t_test, sign_test, student_interval
from zoo.papers.records import UNITLESS, Claim, Paper, TrainingProtocol

ENOUGH_SEEDS = 5  # with fewer, no comparison is decided
SIGNIFICANT = 0.05  # of p, after Holm's correction
RECORDED = {"accuracy": "error", "training_error": "error"}  # metric of a claim: of a training run


@dataclass(frozen=True)
class PairedRuns:
    """Runs of both networks of a claim, paired by seed."""

    claim: Claim
    protocol: TrainingProtocol
    ledger: str  # "published" or "own"
    pairs: tuple[tuple[float, float], ...]  # (score of the model, of the other) by seed
    records: tuple[Record, ...]  # the runs
    left_out: int = 0  # runs of one's own beside published ones

    @property
    def decide(self) -> bool:
        """True if there are seeds enough."""
        return len(self.pairs) >= ENOUGH_SEEDS

    @property
    def differences(self) -> list[float]:
        """Differences of the scores by seed."""
        return [left - right for left, right in self.pairs]

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the records."""
        return tuple(record["id"] for record in self.records)


def judge_comparisons(
    paper: Paper, published: Sequence[Record], own: Sequence[Record] = ()
) -> dict[object, Verdict]:
    """Judge all comparisons of a paper by training runs: {claim.key: verdict}.

    Student's paired t-test decides, after Holm's correction over all of the paper's comparisons
    that have runs; those with too few seeds count as p = 1. The exact sign test, which assumes no
    distribution, is printed beside it.
    """
    claims = [c for c in paper.claims if c.compares and not c.formula]
    paired = [pair_runs(paper, claim, published, own) for claim in claims]
    tried = [runs for runs in paired if runs]
    adjusted = holm([paired_t_test(runs.differences) if runs.decide else 1.0 for runs in tried])
    p_values = {r.claim.key: p for r, p in zip(tried, adjusted, strict=True) if r.decide}
    verdicts: dict[object, Verdict] = {}
    for claim, runs in zip(claims, paired, strict=True):
        if claim.variant:
            verdicts[claim.key] = not_run(claim, why_not_built(claim))
        elif not runs:
            verdicts[claim.key] = not_run(claim, NotRun(Reason.NO_RUNS, claim.benchmark))
        else:
            shared = sum(bool({*runs.ids} & {*r.ids}) for r in paired if r and r is not runs)
            verdict = _judge(runs, p_values.get(claim.key), len(tried))
            verdicts[claim.key] = replace(verdict, why=_provenance(runs, shared, verdict.why))
    return verdicts


def pair_runs(
    paper: Paper, claim: Claim, published: Iterable[Record], own: Iterable[Record] = ()
) -> PairedRuns | None:
    """Return the runs that may judge a claim, or None if there is no pair."""
    own = list(own)
    for protocol in (p for p in paper.training if p.protocol == claim.protocol):
        beside = len(runs_of(claim.model, claim, protocol, own))
        for ledger, records in (("published", published), ("own", own)):
            left, right = (runs_of(m, claim, protocol, records) for m in (claim.model, claim.than))
            if seeds := sorted(left.keys() & right.keys()):
                return PairedRuns(
                    claim=claim,
                    protocol=protocol,
                    ledger=ledger,
                    pairs=tuple(
                        (score_of(left[s], claim), score_of(right[s], claim)) for s in seeds
                    ),
                    records=tuple(side[s] for s in seeds for side in (left, right)),
                    left_out=beside if ledger == "published" else 0,
                )
    return None


def runs_of(
    model: str, claim: Claim, protocol: TrainingProtocol, records: Iterable[Record]
) -> dict[int, Record]:
    """Return the first run of each seed that follows a protocol and has the claim's score."""
    if claim.args or claim.than_args or claim.benchmark not in BENCHMARKS:
        return {}
    version, metric = BENCHMARKS[claim.benchmark].version, RECORDED.get(claim.metric, claim.metric)
    runs: dict[int, Record] = {}
    for run in records:
        scores = run.get("benchmarks", {}).get(claim.benchmark)
        if (
            run["kind"] == "training"
            and run["model"] == model
            and _follows(run, f"{model}.{protocol.recipe}", protocol)
            and scores
            and scores["version"] == version
            and metric in scores["scores"]
            and run["commit"]
            and not run["commit"].endswith("+changes")
        ):
            runs.setdefault(run["seed"], run)
    return runs


def _follows(run: Record, recipe: str, protocol: TrainingProtocol) -> bool:
    return (
        (run["recipe"], run.get("precision")) == (recipe, protocol.precision)
        and run["epochs"] == (protocol.epochs or run["epochs"])
        and run["batch_size"] == (protocol.batch_size or run["batch_size"])
    )


def score_of(run: Record, claim: Claim) -> float:
    """Return a run's score in the metric of a claim."""
    scores: Mapping[str, Mapping[str, float]] = run["benchmarks"][claim.benchmark]["scores"]
    value = scores[RECORDED.get(claim.metric, claim.metric)]["value"]
    return 100 - value if claim.metric == "accuracy" else value


def _judge(runs: PairedRuns, p: float | None, among: int) -> Verdict:
    """Judge a claim by its runs; `p` is adjusted over `among` comparisons, None with few seeds."""
    claim, differences = runs.claim, runs.differences
    middle, why = mean(differences), ""
    status = Status.INCONCLUSIVE
    low, high = student_interval(differences) if len(differences) > 1 else (middle, middle)
    if p is None:
        why = f"{len(differences)} of the {ENOUGH_SEEDS} seeds that decide"
    elif p < SIGNIFICANT:
        agrees = (middle > 0) == (claim.relation == ">")
        status = _outcome(claim, agrees)
        if agrees and not _has_printed_size(claim, low, high):
            status = Status.INCONCLUSIVE if claim.kind == "trial" else Status.NOT_REPRODUCED
            why = "the direction, but not the printed size"
    unitless = claim.metric in UNITLESS
    digits, suffix = (4, "") if unitless else (2, PRINTED_IN.get(claim.metric, " %"))
    means = (f"{mean(side):.{digits}f}" for side in zip(*runs.pairs, strict=True))
    parts = [f"{' against '.join(means)}{suffix}, difference {middle:+.{digits}f}"]
    if len(differences) > 1:
        parts[0] += f" [{low:+.{digits}f}, {high:+.{digits}f}]"
    parts.append(f"{len(differences)} seeds" if len(differences) > 1 else "1 seed")
    if p is not None:
        parts.append(f"p = {p:.2g} after Holm's correction over {among}")
        parts.append(f"{sign_test(differences):.2g} by all signs")
    return make_verdict(
        claim,
        status,
        measured=", ".join(parts),
        interval=(low, high),
        evidence=Evidence.TRAINED_HERE if claim.kind == "relative" else None,
        records=runs.ids,
        date=max(record["date"] for record in runs.records),
        why=why,
    )


def _outcome(claim: Claim, agrees: bool) -> Status:
    if claim.kind == "trial":
        return Status.SUPPORTS if agrees else Status.CONTRADICTS
    return Status.REPRODUCED if agrees else Status.NOT_REPRODUCED


def _has_printed_size(claim: Claim, low: float, high: float) -> bool:
    """True if the interval of the difference holds the printed one, or none is printed."""
    if claim.value is None or claim.metric in RATIOS:
        return True
    half_digit = 0.5 * 10.0 ** int(claim.value.as_tuple().exponent)
    size = float(claim.value) * (1 if claim.relation == ">" else -1)
    return low - half_digit <= size <= high + half_digit


def _provenance(runs: PairedRuns, shared: int, why: str) -> str:
    """Say which runs decided a verdict, and how many other rows they decide."""
    protocol = runs.protocol
    epochs, batch_size = protocol.epochs, protocol.batch_size
    steps = f"{epochs} epochs, batches of {batch_size}, " if epochs else ""
    parts = [
        why,
        f"{runs.ledger} runs by {protocol.recipe} ({steps}{protocol.precision})",
        f"these runs decide {shared} other row{'s' if shared > 1 else ''} too" if shared else "",
        f"{runs.left_out} of your own left out" if runs.left_out else "",
    ]
    return "; ".join(filter(None, parts))
