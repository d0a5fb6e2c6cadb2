"""The latest records of each model and benchmark.

records -> evaluations by model and by benchmark, training runs by model
"""

import json
import shlex
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from zoo.evaluation.ledger import Record, backend_of
from zoo.reporting.site.rows import falls, needs_data

SEEDS = 5  # latest runs of a recipe that are drawn
PERCENTAGES = ("error", "accuracy", "top5_error", "top5_accuracy", "training_error")


@dataclass(frozen=True)
class Evaluation:
    """A record of an evaluation, formatted."""

    record: Record

    @property
    def name(self) -> str:
        """The weights, or the network if it needs none."""
        return self.record["weights"] or self.record["model"]

    @property
    def protocol(self) -> str:
        """The protocol on one line."""
        settings = {
            k: v for k, v in self.record["protocol"].items() if v not in ("", [], False, None)
        }
        name = str(settings.pop("name", ""))
        return name or ", ".join(f"{k} {_format(v)}" for k, v in settings.items())

    @property
    def scores(self) -> list[tuple[str, str]]:
        """(metric, its value with the 95 % interval)."""
        return [(metric, _score(metric, s)) for metric, s in self.record["scores"].items()]

    @property
    def command(self) -> str:
        """The command that repeats it."""
        words = ["zoo", "evaluate", shlex.quote(self.name)]
        words += ["--benchmark", shlex.quote(self.record["benchmark"])]
        name = str(self.record["protocol"].get("name", ""))
        words += ["--protocol", shlex.quote(name)] if "/" in name else []
        return " ".join([*words, *(["--data DIR"] if needs_data(self.record["benchmark"]) else [])])


def rank(evaluation: Evaluation) -> tuple[str, float]:
    """Sort by the first metric, the best evaluation first."""
    metric, score = next(iter(evaluation.record["scores"].items()))
    value = float(score["value"])
    return metric, value if falls(metric) else -value


def _format(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _score(metric: str, score: Mapping[str, Any]) -> str:
    """0.56 % (2 of 360) [0.15, 2.00]"""
    digits, unit = (
        (2, " %") if metric in PERCENTAGES else (2, " dB") if metric == "psnr" else (4, "")
    )
    text = f"{score['value']:.{digits}f}{unit}"
    if "count" in score and "total" in score:
        text += f" ({score['count']:,.{0 if score['count'] % 1 == 0 else 2}f} of "
        text += f"{score['total']:,})"
    if "interval" in score:
        low, high = score["interval"]
        text += f" [{low:.{digits}f}, {high:.{digits}f}]"
    return text


@dataclass(frozen=True)
class LatestRecords:
    """The latest records of the zoo's networks."""

    evaluations: Mapping[str, list[Evaluation]] = field(default_factory=dict)  # by model
    by_benchmark: Mapping[str, list[Evaluation]] = field(default_factory=dict)
    trainings: Mapping[str, list[Record]] = field(default_factory=dict)  # by model
    counts: Mapping[str, int] = field(default_factory=dict)  # of all records, by kind

    @cached_property
    def files(self) -> dict[str, str]:
        """{id: JSON} of the evaluations that pages show."""
        records = [e.record for group in self.evaluations.values() for e in group]
        return {r["id"]: json.dumps(r, indent=1, ensure_ascii=False) + "\n" for r in records}


def latest_records(records: Iterable[Record], names: Iterable[str]) -> LatestRecords:
    """Select the latest evaluation of each weights, benchmark and protocol, and the latest run of
    each recipe and seed, of the networks `names`."""
    known = set(names)
    counts: dict[str, int] = defaultdict(int)
    newest: dict[tuple[Any, ...], Record] = {}
    for record in records:
        counts[record["kind"]] += 1
        if record.get("model") in known:
            newest[_replacement_key(record)] = record
    evaluations: dict[str, list[Evaluation]] = defaultdict(list)
    by_benchmark: dict[str, list[Evaluation]] = defaultdict(list)
    runs: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in newest.values():
        if record["kind"] == "training":
            runs[record["model"], record["recipe"]].append(record)
        else:
            evaluations[record["model"]].append(Evaluation(record))
            by_benchmark[record["benchmark"]].append(Evaluation(record))
    trainings: dict[str, list[Record]] = defaultdict(list)
    for (model, _), group in runs.items():
        latest = sorted(group, key=lambda record: record["date"])[-SEEDS:]
        trainings[model] += sorted(latest, key=lambda record: record["seed"])
    return LatestRecords(evaluations, by_benchmark, trainings, counts)


def _replacement_key(record: Record) -> tuple[Any, ...]:
    """Return the key by which a later record replaces an earlier one."""
    if record["kind"] == "training":
        return ("training", record["model"], record["recipe"], record["seed"])
    names = ("kind", "model", "weights", "benchmark", "precision")
    return (
        *(record[name] for name in names),
        backend_of(record),
        repr(sorted(record["protocol"].items())),
    )


def by_recipe(trainings: Mapping[str, Sequence[Record]]) -> dict[str, list[Record]]:
    """Group the runs of all models by the common part of their recipes' names."""
    groups: dict[str, list[Record]] = defaultdict(list)
    for runs in trainings.values():
        for record in runs:
            groups[record["recipe"].partition(".")[2] or record["recipe"]].append(record)
    return dict(groups)
