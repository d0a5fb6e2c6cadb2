"""Rows of a card, from records alone: nothing is evaluated or downloaded.

claims of paper.toml + counts.json, weights/NAME.json, published ledger -> rows
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from zoo.claims import judge, matching
from zoo.claims.matching import training_record
from zoo.claims.plan import look_up
from zoo.claims.runs import judge_comparisons
from zoo.claims.verdict import Kind, Status, Verdict, make_verdict
from zoo.claims.weights import FORMATS
from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation import ledger
from zoo.evaluation.ledger import Ledger, Record, backend_of
from zoo.models._catalog import describe
from zoo.papers.records import Claim
from zoo.papers.weights import Weights, WeightsError

ROOT = Path(__file__).parents[3]  # of the checkout, for links
FORMS = {metric: form for metric, (form, _) in FORMATS.items()} | {"perplexity": "{:.4f}"}


@dataclass(frozen=True, kw_only=True)
class Result:
    """One recorded evaluation of weights on a benchmark."""

    record: Record
    path: str  # of the record in the checkout

    @property
    def benchmark(self) -> str:
        """The benchmark's id."""
        name: str = self.record["benchmark"]
        return name

    @property
    def details(self) -> Mapping[str, Any]:
        """The recorded protocol."""
        protocol: Mapping[str, Any] = self.record["protocol"]
        return protocol


@dataclass(frozen=True, kw_only=True)
class Score:
    """One score of a result, rounded as it is printed."""

    result: Result
    metric: str
    value: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a card: the verdict on a claim, or a recorded score."""

    verdict: Verdict
    record: str = ""  # the file of the checkout that it follows from
    claim: Claim | None = None
    score: Score | None = None


def rows(weights: Weights) -> list[Row]:
    """Return the recorded scores of weights, then every paper's claims on their architecture."""
    published = ledger.published()
    by_path = _records(published, published.last)
    results = {r.record["id"]: r for r in _results(weights, by_path)}
    measured = [row for result in results.values() for row in _scores(weights, result)]
    records = list(by_path.values())
    claims = describe(weights.name).claims
    evaluations = look_up(matching.collect_specs(claims, [weights]), records)
    ids = {claim.paper for claim in claims if claim.compares}
    comparisons: dict[object, Verdict] = {}
    for paper in map(matching.get_paper, ids):
        comparisons |= judge_comparisons(paper, records)
    judged = (_judged(weights, claim, evaluations, comparisons, results) for claim in claims)
    return [*measured, *judged]


@lru_cache(maxsize=1)
def _records(published: Ledger, last: str) -> Mapping[str, Record]:
    """Return the records by their paths in a checkout: they are read once for all cards, until a
    record is added."""
    paths = [f"eval/results/{path.name}" for path in published.paths]
    return dict(zip(paths, published.records(), strict=True))


@dataclass(frozen=True, kw_only=True)
class ThreeColumns:
    """A measured claim beside the provider's number and ours."""

    claim: str  # metric and benchmark
    where: str  # table, and protocol
    paper: str  # as printed
    provider: str  # reported with these weights
    ours: str  # of these weights; empty if not measured
    differs: str = ""  # what is another in the paper's network


def three_columns(weights: Weights, rows: Sequence[Row]) -> list[ThreeColumns]:
    """Return the papers' measured numbers on a network and on its nearest variants, for the
    benchmarks of weights, beside the provider's and ours."""
    ours = {row.verdict.metric: row.verdict.measured for row in rows if row.score}
    claims = [(row.claim, row.verdict, "") for row in rows if row.claim]
    claims += [
        (c, make_verdict(c, Status.RECORDED), near.differs)
        for near, c in describe(weights.name).context
    ]
    return [
        ThreeColumns(
            claim=verdict.metric,
            where=", ".join(filter(None, (claim.place, claim.protocol))),
            paper=verdict.claimed,
            provider=judge.reported(claim.benchmark, claim.metric, [weights]).partition(" (")[0],
            ours=verdict.measured or ours.get(verdict.metric, ""),
            differs=differs,
        )
        for claim, verdict, differs in claims
        if claim.kind == "measured"
        and claim.benchmark in weights.benchmarks
        and not claim.variant
        and dict(claim.args) == dict(weights.args)
    ]


def _results(weights: Weights, by_path: Mapping[str, Record]) -> list[Result]:
    """Return the last record of the pinned bytes for each benchmark, protocol and way to run."""
    latest: dict[tuple[str, str], Result] = {}
    for path, record in by_path.items():
        same = record["kind"] == "evaluation" and record["weights"] == weights.name
        if same and weights.sha256 == record["sha256"] and record["benchmark"] in BENCHMARKS:
            key = (
                record["benchmark"],
                repr((record["protocol"], record["precision"], backend_of(record))),
            )
            latest[key] = Result(record=record, path=path)
    return list(latest.values())


def verified_training_record(weights: Weights) -> dict[str, Any]:
    """Return the training record of bundled weights, {} for other weights. Raises WeightsError if
    the record is of other bytes."""
    if not weights.bundled:
        return {}
    record = training_record(weights)
    if record["sha256"] != weights.sha256:
        path = weights.record.relative_to(ROOT).as_posix()
        raise WeightsError(f"{path} is not of the bytes of {weights.name}")
    return record


def _scores(weights: Weights, result: Result) -> Iterator[Row]:
    """Yield the scores of a result; errors as accuracies, with their 95 % interval."""
    for metric, score in result.record["scores"].items():
        if metric in FORMS:
            limits = tuple(score["interval"]) if "interval" in score else None
            yield _score(weights, result, metric, FORMS[metric].format(score["value"]), limits)
        elif metric == "error":
            low, high = score["interval"]
            right, total = score["total"] - score["count"], score["total"]
            printed = f"{100 * right / total:.2f} % ({right:,} of {total:,} right)"
            yield _score(weights, result, "accuracy", printed, (100 - high, 100 - low))


def _score(weights: Weights, result: Result, metric: str, printed: str, limits: Any) -> Row:
    verdict = Verdict(
        paper=weights.paper,
        kind=Kind.RECORDED,
        model=weights.name,
        metric=f"{metric} on {result.benchmark}",
        where="",
        claimed="",
        status=Status.RECORDED,
        measured=printed,
        interval=limits,
    )
    score = Score(result=result, metric=metric, value=float(printed.split(maxsplit=1)[0]))
    return Row(verdict=verdict, record=result.path, score=score)


def _judged(
    weights: Weights,
    claim: Claim,
    evaluations: judge.Evaluations,
    comparisons: Mapping[object, Verdict],
    results: Mapping[str, Result],
) -> Row:
    if claim.compares:
        verdict = judge.relative(claim, comparisons, recount=False)
        source = (
            f"zoo/models/{claim.paper}/formulas.py" if claim.formula and verdict.measured else ""
        )
        return Row(verdict=verdict, claim=claim, record=source)
    if claim.kind == "counted":
        counted = not (claim.variant or claim.formula)
        source = f"zoo/models/{weights.paper}/counts.json"
        verdict = judge.counted(claim, recount=False)
        return Row(verdict=verdict, claim=claim, record=source if counted else "")
    verdict = judge.measured(claim, evaluations, [weights])
    if not matching.why_not_runnable(claim) and verdict.status == Status.NOT_RUN:
        verdict = replace(verdict, why=_why_not(weights, claim))
    result = results.get(verdict.record)
    return Row(verdict=verdict, claim=claim, record=result.path if result else "")


def _why_not(weights: Weights, claim: Claim) -> str:
    """Explain why no result of these weights can judge a claim."""
    if dict(weights.args) != dict(claim.args):
        return "these weights are of the network with other arguments"
    if claim.benchmark not in weights.benchmarks:
        return f"these weights are for {', '.join(weights.benchmarks)}, not for this benchmark"
    if not matching.is_applicable(weights, claim):
        return "these weights see images otherwise than this protocol shows them"
    return "no result of these weights on this benchmark, by this protocol, is recorded"
