"""What a card sets side by side, from recorded data alone: nothing is measured or downloaded.

claims of paper.toml + counts.json, weights/NAME.json, published ledger -> rows
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zoo.claims import judge, matching
from zoo.claims.judge import RecordIndex
from zoo.claims.matching import training_record
from zoo.claims.verdict import Verdict
from zoo.claims.weights import FORMATS
from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation import ledger
from zoo.evaluation.ledger import Record
from zoo.models._catalog import describe
from zoo.papers.records import Claim
from zoo.papers.weights import Weights, WeightsError

ROOT = Path(__file__).parents[3]  # of the checkout, for links
RECORDED = "recorded"
FORMS = {metric: form for metric, (form, _) in FORMATS.items()} | {"perplexity": "{:.4f}"}


@dataclass(frozen=True, kw_only=True)
class Result:
    """What was measured once, of weights on a whole benchmark; `path` is the record's, in the
    checkout."""

    record: Record
    path: str

    @property
    def benchmark(self) -> str:
        """What it was measured on."""
        found: str = self.record["benchmark"]
        return found

    @property
    def details(self) -> Mapping[str, Any]:
        """How samples were shown."""
        found: Mapping[str, Any] = self.record["protocol"]
        return found


@dataclass(frozen=True, kw_only=True)
class Score:
    """One number that was measured here, as it is shown."""

    result: Result
    metric: str
    value: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a card: the verdict on a `claim`, or a `score` that was recorded; and the file of
    the checkout that says so."""

    verdict: Verdict
    record: str = ""
    claim: Claim | None = None
    score: Score | None = None


def rows(weights: Weights) -> list[Row]:
    """What was measured of weights, then every claim of the papers on their architecture."""
    published = ledger.published()
    paths = [f"eval/results/{path.name}" for path in published.paths]
    everything = dict(zip(paths, published.records(), strict=True))
    results = {r.record["id"]: r for r in _results(weights, everything)}
    measured = [row for result in results.values() for row in _scores(weights, result)]
    findings = RecordIndex(list(everything.values()))
    claims = describe(weights.name).claims
    return [*measured, *(_judged(weights, claim, findings, results) for claim in claims)]


def _results(weights: Weights, everything: Mapping[str, Record]) -> list[Result]:
    """The last record of the pinned bytes on each benchmark, by each protocol."""
    found: dict[tuple[str, str], Result] = {}
    for path, record in everything.items():
        same = record["kind"] == "evaluation" and record["weights"] == weights.name
        if same and weights.sha256 == record["sha256"] and record["benchmark"] in BENCHMARKS:
            key = record["benchmark"], repr((record["protocol"], record["precision"]))
            found[key] = Result(record=record, path=path)
    return list(found.values())


def verified_training_record(weights: Weights) -> dict[str, Any]:
    """The record of how bundled weights were made; {} for others. Raises WeightsError for a record
    of other bytes."""
    if not weights.bundled:
        return {}
    record = training_record(weights)
    if record["sha256"] != weights.sha256:
        where = weights.record.relative_to(ROOT).as_posix()
        raise WeightsError(f"{where} is not of the bytes of {weights.name}")
    return record


def _scores(weights: Weights, result: Result) -> Iterator[Row]:
    """The numbers of one result; of an error the accuracy, with its 95 % interval."""
    for metric, score in result.record["scores"].items():
        if metric in FORMS:
            limits = tuple(score["interval"]) if "interval" in score else None
            yield _score(weights, result, metric, FORMS[metric].format(score["value"]), limits)
        elif metric == "error":
            low, high = score["interval"]
            right, total = score["total"] - score["count"], score["total"]
            shown = f"{100 * right / total:.2f} % ({right:,} of {total:,} right)"
            yield _score(weights, result, "accuracy", shown, (100 - high, 100 - low))


def _score(weights: Weights, result: Result, metric: str, shown: str, limits: Any) -> Row:
    verdict = Verdict(
        paper=weights.paper,
        kind=RECORDED,
        model=weights.name,
        metric=f"{metric} on {result.benchmark}",
        where="",
        claimed="",
        status=RECORDED,
        measured=shown,
        interval=limits,
    )
    score = Score(result=result, metric=metric, value=float(shown.split(maxsplit=1)[0]))
    return Row(verdict=verdict, record=result.path, score=score)


def _judged(
    weights: Weights, claim: Claim, findings: RecordIndex, results: Mapping[str, Result]
) -> Row:
    room = f"zoo/models/{claim.paper}"
    if claim.kind == "relative":
        verdict = judge.relative(claim, findings.records, now=False)
        source = f"{room}/formulas.py" if claim.formula and verdict.measured else ""
        return Row(verdict=verdict, claim=claim, record=source)
    if claim.kind == "counted":
        counted = not (claim.variant or claim.formula)
        source = f"zoo/models/{weights.paper}/counts.json"
        verdict = judge.counted(claim, now=False)
        return Row(verdict=verdict, claim=claim, record=source if counted else "")
    verdict = judge.measured(claim, findings, [weights])
    if not matching.why_not_runnable(claim) and verdict.status == "not run":
        verdict = replace(verdict, why=_why_not(weights, claim))
    result = results.get(verdict.record)
    return Row(verdict=verdict, claim=claim, record=result.path if result else "")


def _why_not(weights: Weights, claim: Claim) -> str:
    """Why there is no result of these weights that a claim could be held against."""
    if dict(weights.args) != dict(claim.args):
        return "these weights are of the network with other arguments"
    if claim.benchmark not in weights.benchmarks:
        return f"these weights are for {', '.join(weights.benchmarks)}, not for this benchmark"
    if not matching.is_applicable(weights, claim):
        return "these weights see images otherwise than this protocol shows them"
    return "no result of these weights on this benchmark, by this protocol, is recorded"
