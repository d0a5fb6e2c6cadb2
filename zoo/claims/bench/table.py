"""The table of a comparison: losses, differences from the plain stream, speed and memory.

records of training runs and of rounds -> Row by design, with intervals and Holm's correction
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

from zoo.claims.bench.designs import DESIGNS, PLAIN, TEXT, Design, Fitted, Size, fit, subject
from zoo.claims.runs import ENOUGH_SEEDS, SIGNIFICANT
from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation.ledger import Record
from zoo.evaluation.statistics import holm, paired_t_test, student_interval
from zoo.evaluation.training_runs import value

Machine = tuple[str, str]  # device and precision: only runs of one are paired


@dataclass(frozen=True)
class Estimate:
    """A mean or a median with its 95 % interval."""

    value: float
    interval: tuple[float, float] | None  # None for too few values


@dataclass(frozen=True)
class Speed:
    """The speed of one kind of work."""

    tokens: float  # a second
    ratio: Estimate  # times as fast as the plain stream


@dataclass(frozen=True)
class Row:
    """A design, as far as its runs are done."""

    name: str
    design: Design
    fitted: Fitted
    seeds: int
    loss: Estimate | None  # nats a token; None without a run
    difference: Estimate | None  # of the loss from the plain stream's, by seed
    pairs: int  # seeds that both have
    p: float | None  # after Holm's correction; None with too few pairs
    training: Speed | None
    generation: Speed | None
    bytes: int | None  # peak memory of a training step

    @property
    def outcome(self) -> str:
        """better, worse or inconclusive; or how many of the seeds that decide are done."""
        if self.loss is None:
            return "not run"
        if self.name == PLAIN:
            return ""
        if self.p is None or self.difference is None:
            return f"{self.pairs} of {ENOUGH_SEEDS} seeds"
        if self.p >= SIGNIFICANT:
            return "inconclusive"
        return "better" if self.difference.value < 0 else "worse"


def losses_of(records: Iterable[Record], size: Size) -> dict[str, dict[int, float]]:
    """Return {design: {seed: loss}} of the first run of each seed.

    Runs count that are of this size's recipe, of this version of the text, and of the device and
    precision of the first of them.
    """
    losses: dict[str, dict[int, float]] = {name: {} for name in DESIGNS}
    names = {f"{subject(name)}.{size.tag}": name for name in DESIGNS}
    machine: Machine | None = None
    for record in records:
        name = names.get(record.get("recipe", ""))
        if name is None or record["benchmarks"][TEXT]["version"] != BENCHMARKS[TEXT].version:
            continue
        machine = machine or _machine(record)
        if _machine(record) == machine:
            losses[name].setdefault(record["seed"], value(record, TEXT, "loss"))
    return losses


def _machine(record: Record) -> Machine:
    return record["device"], record["precision"]


def estimate(values: Sequence[float]) -> Estimate | None:
    """Return the mean with Student's interval; without one for one value, None for none.

    Example:
        >>> estimate([1.0, 3.0]).value
        2.0
    """
    if not values:
        return None
    return Estimate(mean(values), student_interval(values) if len(values) > 1 else None)


def rows_of(size: Size, records: Iterable[Record]) -> list[Row]:
    """Return a row for every design, the plain stream first and those without runs too.

    Every design is compared with the plain stream by Student's paired t-test on the losses of the
    seeds that both have, after Holm's correction over the designs that have such seeds; one with
    fewer than five counts as p = 1 in it, and is not decided.

    Args:
        size: budget, decoder and recipe.
        records: of training runs and rounds, of this comparison and others; of several records
            of rounds the last counts.
    """
    records = list(records)
    losses = losses_of(records, size)
    differences = {name: _differences(losses[name], losses[PLAIN]) for name in DESIGNS}
    tried = [name for name in DESIGNS if name != PLAIN and differences[name]]
    raw = [
        paired_t_test(differences[name]) if len(differences[name]) >= ENOUGH_SEEDS else 1.0
        for name in tried
    ]
    adjusted = dict(zip(tried, holm(raw), strict=True))
    speeds = {
        row["who"]: row
        for record in records
        if record.get("what") == size.tag
        for row in record["rows"]
    }
    return [
        Row(
            name=name,
            design=design,
            fitted=fit(name, size),
            seeds=len(losses[name]),
            loss=estimate([*losses[name].values()]),
            difference=None if name == PLAIN else estimate(differences[name]),
            pairs=len(differences[name]),
            p=adjusted[name] if name in tried and len(differences[name]) >= ENOUGH_SEEDS else None,
            training=_speed(speeds.get(name), "training"),
            generation=_speed(speeds.get(name), "generation"),
            bytes=speeds[name]["bytes"] if name in speeds else None,
        )
        for name, design in DESIGNS.items()
    ]


def _differences(own: Mapping[int, float], plain: Mapping[int, float]) -> list[float]:
    return [own[seed] - plain[seed] for seed in sorted(own.keys() & plain.keys())]


def _speed(row: Mapping[str, Any] | None, kind: str) -> Speed | None:
    if row is None:
        return None
    rate = row[kind]
    interval = tuple(rate["interval"]) if "interval" in rate else None
    return Speed(rate["tokens_per_second"], Estimate(rate["ratio"], interval))
