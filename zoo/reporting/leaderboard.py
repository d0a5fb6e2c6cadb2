"""The leaderboard of a benchmark: what was measured here, and apart from it what papers print.

claims, records -> entries of one metric, the best first
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from zoo.claims.verdict import unit_of
from zoo.evaluation.ledger import Record, backend_of, queries
from zoo.models._catalog import list_claims
from zoo.models._registry import list_weights, model_entries, stored_counts
from zoo.papers.records import LOWER_IS_BETTER, UNITLESS, Claim


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A measurement of the zoo's."""

    weights: str  # arch.tag, or the network if it needs none
    params: int | None  # of the architecture
    license: str  # of the weights; "" without them
    value: float  # of the metric
    interval: tuple[float, float] | None  # of 95 %
    protocol: str  # on one line
    record: str  # id in the ledger


@dataclass(frozen=True, kw_only=True)
class Printed:
    """A number that a paper prints."""

    model: str  # architecture
    variant: str  # what the zoo does not build of it
    params: int | None  # of the architecture
    value: str  # with the printed digits, in the metric
    paper: str  # folder in zoo/models
    where: str  # table or section
    aggregation: str  # of runs


@dataclass(frozen=True, kw_only=True)
class Leaderboard:
    """Both lists of a benchmark in one metric, the best first. They are never merged."""

    benchmark: str  # id
    metric: str  # such as error; accuracies are ranked as errors
    unit: str  # " %", " dB" or ""
    measured: tuple[Measured, ...]  # by the zoo
    printed: tuple[Printed, ...]  # in papers


def leaderboard(benchmark: str, records: Iterable[Record], metric: str = "") -> Leaderboard:
    """Return the leaderboard of a benchmark.

    Args:
        benchmark: Its id, such as "digits/test".
        records: Of the ledgers; the latest of each weights, protocol and way to run counts.
        metric: What to rank by; by default what most of the numbers are in.

    Raises:
        LookupError: No number is in this metric.
    """
    evaluations = queries.latest_per_subject(
        queries.find(records, benchmark=benchmark, kind="evaluation")
    )
    claims = list_claims(kind="measured", benchmark=benchmark)
    known = Counter(_as_error(claim.metric) for claim in claims if claim.value is not None)
    known.update(name for record in evaluations for name in record["scores"])
    metric = _as_error(metric) or next((name for name, _ in known.most_common(1)), "")
    if metric not in known:
        names = ", ".join(known) or "none"
        raise LookupError(
            f"no number on {benchmark} is in {metric or 'any metric'}; there is {names}"
        )
    sign = 1 if "error" in metric or metric in LOWER_IS_BETTER else -1
    measured = [_measured(record, metric) for record in evaluations if metric in record["scores"]]
    printed = list(_printed(claims, metric))
    return Leaderboard(
        benchmark=benchmark,
        metric=metric,
        unit="" if metric in UNITLESS else unit_of(metric),
        measured=tuple(sorted(measured, key=lambda entry: sign * entry.value)),
        printed=tuple(sorted(printed, key=lambda entry: sign * float(entry.value))),
    )


def _as_error(metric: str) -> str:
    return metric.replace("accuracy", "error")


def _params(model: str) -> int | None:
    entry = model_entries().get(model)
    return stored_counts(entry).get("params") if entry else None


def _measured(record: Record, metric: str) -> Measured:
    score, model = record["scores"][metric], record["model"]
    known = {w.name: w for w in list_weights(model)} if model in model_entries() else {}
    weights = known.get(record["weights"])
    way = (record["precision"], backend_of(record))
    settings = {k: v for k, v in record["protocol"].items() if v not in ("", [], False, None)}
    name = str(settings.get("name", "")) or " ".join(f"{k}={v}" for k, v in settings.items())
    changed = " ".join(part for part in way if part not in ("fp32", "eager"))
    return Measured(
        weights=record["weights"] or model,
        params=_params(model),
        license=weights.license if weights else "",
        value=score["value"],
        interval=tuple(score["interval"]) if "interval" in score else None,
        protocol=" ".join(filter(None, (name, changed))),
        record=record["id"],
    )


def _printed(claims: Sequence[Claim], metric: str) -> Iterator[Printed]:
    for claim in claims:
        if claim.value is None or _as_error(claim.metric) != metric:
            continue
        value = 100 - claim.value if claim.metric != metric else claim.value
        yield Printed(
            model=claim.model,
            variant=claim.variant,
            params=None if claim.variant else _params(claim.model),
            value=str(value),
            paper=claim.paper,
            where=claim.place,
            aggregation=claim.aggregation,
        )
