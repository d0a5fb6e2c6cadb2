"""What is known of weights on a benchmark beforehand: the number to explain, and the protocol.

weights, benchmark -> a paper's claim, or what a ledger has -> number, metric, protocol
"""

import dataclasses
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
from zoo.papers.protocols import PROTOCOLS, Protocol
from zoo.papers.records import Claim
from zoo.papers.weights import Weights

DIGITS = {"ssim": "0.0001", "loss": "0.0001", "bits_per_byte": "0.0001"}  # of what is recorded


class Known(NamedTuple):
    """A number of a metric, None if there is none, with its source; and how it is to be taken."""

    number: Decimal | None
    metric: str
    source: str
    protocol: Protocol | None


def weights_of(name: str) -> Weights | None:
    """The weights that a name stands for; None for those of a file, a folder, or a repository."""
    if is_source(name):
        return None
    entry, weights = parse_name(name)
    return weights or default_weights(entry.name)


def benchmark_of(name: str, weights: Weights | None, on: str) -> Benchmark:
    """The benchmark `on`, or the first that weights may be judged on. Raises ValueError."""
    known = [id_ for id_ in weights.benchmarks if id_ in BENCHMARKS] if weights else []
    chosen = on or next(iter(known), "")
    if chosen in BENCHMARKS:
        return BENCHMARKS[chosen]
    nearest = ", ".join(known) or suggest(chosen, list(BENCHMARKS))
    said = f"the zoo has no benchmark {on!r}" if on else f"no benchmark is named for {name}"
    raise ValueError(f"{said}; --on takes one, such as {nearest}")


def look_up(weights: Weights | None, on: str, metric: str, metrics: tuple[str, ...]) -> Known:
    """What a paper claims of weights, or else what a ledger has. Raises ValueError for a metric
    that is not one of `metrics`."""
    if metric and metric not in metrics:
        raise ValueError(f"the metric on {on} is one of {', '.join(metrics)}, not {metric!r}")
    wanted = (metric,) if metric else metrics
    if weights is None:
        return Known(None, wanted[0], "", None)
    if claim := _claim(weights, on, wanted):
        _, _, value = describe_claim(claim)
        source = f"the paper's {value} ({claim.paper}, {claim.where})"
        return Known(claim.value, claim.metric, source, _protocol(claim))
    records = [*ledger.published().records(), *ledger.own().records()]
    record = ledger.latest(records, kind="evaluation", weights=weights.name, benchmark=on)
    if record is None:
        return Known(None, wanted[0], "", None)
    scores, own = record["scores"], _shown(weights.model, record["protocol"])
    if (number := _score(scores, wanted[0])) is None:
        return Known(None, wanted[0], "", own)
    number = number.quantize(Decimal(DIGITS.get(wanted[0], "0.01")))
    return Known(number, wanted[0], f"what was recorded on {record['date'][:10]}", own)


def _claim(weights: Weights, on: str, metrics: tuple[str, ...]) -> Claim | None:
    """The first claim that weights may be judged on."""
    fitting = (
        claim
        for paper in load_papers()
        for claim in paper.claims
        if claim.model == weights.model and claim.benchmark == on and claim.kind == "measured"
        if claim.metric in metrics and is_applicable(weights, claim)
    )
    return next(fitting, None)


def _protocol(claim: Claim) -> Protocol | None:
    paper = next(p for p in load_papers() if p.id == claim.paper)
    tables = (paper.details[table] for table in PROTOCOLS if table != "views")
    return next((table[claim.protocol] for table in tables if claim.protocol in table), None)


def _shown(model: str, protocol: Mapping[str, Any]) -> Protocol | None:
    """A recorded protocol, which may say more than how an image or a text is shown."""
    kind = type(tasks.task_of(model).own(get_entry(model).cfg))
    if not dataclasses.is_dataclass(kind):
        return None
    fields = {field.name for field in dataclasses.fields(kind)} & protocol.keys()
    return tasks.protocol_from_dict(kind, {key: protocol[key] for key in fields})


def _score(scores: Mapping[str, Any], metric: str) -> Decimal | None:
    """A recorded score; an accuracy is told by the error."""
    recorded = scores.get(metric.replace("accuracy", "error"))
    if recorded is None:
        return None
    value = Decimal(recorded["value"])
    return 100 - value if metric.endswith("accuracy") else value
