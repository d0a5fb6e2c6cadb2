"""Reference for a diagnosis: the number to explain and its protocol.

weights, benchmark -> a paper's claim, or a ledger record -> number, metric, protocol
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from zoo.claims.matching import is_applicable
from zoo.claims.verdict import describe_claim
from zoo.data.benchmarks import BENCHMARKS, Benchmark
from zoo.evaluation import ledger, tasks
from zoo.models._registry import default_weights, get_entry, parse_name, suggest
from zoo.models._sources import is_source
from zoo.papers.loading import load_papers
from zoo.papers.protocols import CropProtocol, Protocol
from zoo.papers.records import Claim
from zoo.papers.weights import Weights

DIGITS = {"ssim": "0.0001", "loss": "0.0001", "bits_per_byte": "0.0001"}  # of a recorded score


class Reference(NamedTuple):
    """A known score of weights on a benchmark."""

    number: Decimal | None  # None if no score is known
    metric: str
    source: str  # whose number it is
    protocol: Protocol | None  # None: the task's default


def find_weights(name: str) -> Weights | None:
    """Return the weights of a name, or None for a file, a folder or a repository."""
    if is_source(name):
        return None
    entry, weights = parse_name(name)
    return weights or default_weights(entry.name)


def find_benchmark(name: str, weights: Weights | None, benchmark: str) -> Benchmark:
    """Return the named benchmark, or the first of the weights. Raises ValueError."""
    known = [id_ for id_ in weights.benchmarks if id_ in BENCHMARKS] if weights else []
    chosen = benchmark or next(iter(known), "")
    if chosen in BENCHMARKS:
        return BENCHMARKS[chosen]
    nearest = ", ".join(known) or suggest(chosen, list(BENCHMARKS))
    error = f"the zoo has no benchmark {benchmark!r}" if benchmark else f"{name} has no benchmark"
    raise ValueError(f"{error}; --benchmark names one, such as {nearest}")


def look_up(
    weights: Weights | None, benchmark: str, metric: str, metrics: tuple[str, ...]
) -> Reference:
    """Return what a paper claims of weights, or else what a ledger records. Raises ValueError for
    a metric that is not one of `metrics`."""
    if metric and metric not in metrics:
        raise ValueError(
            f"the metric on {benchmark} is one of {', '.join(metrics)}, not {metric!r}"
        )
    candidates = (metric,) if metric else metrics
    if weights is None:
        return Reference(None, candidates[0], "", None)
    if claim := _claim(weights, benchmark, candidates):
        _, _, value = describe_claim(claim)
        source = f"the paper's {value} ({claim.paper}, {claim.where})"
        return Reference(claim.value, claim.metric, source, _protocol(claim))
    records = [*ledger.published().records(), *ledger.own().records()]
    record = ledger.latest(records, kind="evaluation", weights=weights.name, benchmark=benchmark)
    if record is None:
        return Reference(None, candidates[0], "", None)
    scores, own = record["scores"], _recorded_protocol(weights.model, record["protocol"])
    if (number := _score(scores, candidates[0])) is None:
        return Reference(None, candidates[0], "", own)
    number = number.quantize(Decimal(DIGITS.get(candidates[0], "0.01")))
    return Reference(number, candidates[0], f"what was recorded on {record['date'][:10]}", own)


def _claim(weights: Weights, benchmark: str, metrics: tuple[str, ...]) -> Claim | None:
    """Return the first claim that weights may judge."""
    claims = (
        claim
        for paper in load_papers()
        for claim in paper.claims
        if claim.model == weights.model
        and claim.benchmark == benchmark
        and claim.kind == "measured"
        if claim.metric in metrics and is_applicable(weights, claim)
    )
    return next(claims, None)


def _protocol(claim: Claim) -> Protocol | None:
    paper = next(p for p in load_papers() if p.id == claim.paper)
    settings = paper.protocol_settings.get(claim.protocol)
    return None if isinstance(settings, CropProtocol) else settings


def _recorded_protocol(model: str, protocol: Mapping[str, Any]) -> Protocol | None:
    """Return the protocol of a record, None for the preprocessing of a classifier's weights."""
    task = tasks.task_of(model)
    recorded: Protocol | None = task.from_record(protocol)
    return recorded if task.default(get_entry(model).cfg) else None


def _score(scores: Mapping[str, Any], metric: str) -> Decimal | None:
    """Return a recorded score; an accuracy is 100 minus the error."""
    recorded = scores.get(metric.replace("accuracy", "error"))
    if recorded is None:
        return None
    value = Decimal(recorded["value"])
    return 100 - value if metric.endswith("accuracy") else value
