"""What ledgers hold, newest first for each thing that was measured: one pass over the records.

records -> evaluations by model and by benchmark, trainings by model
"""

import json
import shlex
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation import tasks
from zoo.evaluation.ledger import Record
from zoo.reporting.site.rows import needs_data

SEEDS = 5  # of a recipe, whose newest runs are drawn
SHARES = ("error", "accuracy", "top5_error", "top5_accuracy", "training_error")  # in percent


@dataclass(frozen=True)
class Evaluation:
    """One evaluation, as it is shown."""

    record: Record

    @property
    def name(self) -> str:
        """The weights or, of a network that needs none, the network."""
        return self.record["weights"] or self.record["model"]

    @property
    def protocol(self) -> str:
        """How it was shown, in a line."""
        how = {k: v for k, v in self.record["protocol"].items() if v not in ("", [], False, None)}
        return str(how.pop("name", "")) or ", ".join(f"{k} {_told(v)}" for k, v in how.items())

    @property
    def scores(self) -> list[tuple[str, str]]:
        """(metric, its value with the 95 % interval)."""
        return [(metric, _score(metric, s)) for metric, s in self.record["scores"].items()]

    @property
    def command(self) -> str:
        """What measures it again, in the checkout."""
        benchmark = BENCHMARKS.get(self.record["benchmark"])
        script = tasks.TASKS[benchmark.task if benchmark else "super-resolution"].script
        words = ["python", "-m", f"eval.{script}", shlex.quote(self.name)]
        words += ["--on", shlex.quote(self.record["benchmark"])]
        name = str(self.record["protocol"].get("name", ""))
        words += ["--protocol", shlex.quote(name)] if "/" in name else []
        return " ".join([*words, *(["--data DIR"] if needs_data(self.record["benchmark"]) else [])])


def _told(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _score(metric: str, score: Mapping[str, Any]) -> str:
    """0.56 % (2 of 360) [0.15, 2.00]"""
    digits, unit = (2, " %") if metric in SHARES else (2, " dB") if metric == "psnr" else (4, "")
    shown = f"{score['value']:.{digits}f}{unit}"
    if "count" in score and "total" in score:
        shown += f" ({score['count']:,.{0 if score['count'] % 1 == 0 else 2}f} of "
        shown += f"{score['total']:,})"
    if "interval" in score:
        low, high = score["interval"]
        shown += f" [{low:.{digits}f}, {high:.{digits}f}]"
    return shown


@dataclass(frozen=True)
class Held:
    """The newest records of the networks of the zoo; how many there are of each kind in all."""

    evaluations: Mapping[str, list[Evaluation]] = field(default_factory=dict)
    on: Mapping[str, list[Evaluation]] = field(default_factory=dict)
    trainings: Mapping[str, list[Record]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def shown(self) -> dict[str, str]:
        """{id: text} of the evaluations that pages show."""
        held = [e.record for those in self.evaluations.values() for e in those]
        return {r["id"]: json.dumps(r, indent=1, ensure_ascii=False) + "\n" for r in held}


def held(records: Iterable[Record], names: Iterable[str]) -> Held:
    """What records hold of the networks `names`: the newest evaluation of the same weights, on the
    same benchmark and by the same protocol, and the newest run of each recipe and seed."""
    known = set(names)
    counts: dict[str, int] = defaultdict(int)
    newest: dict[tuple[Any, ...], Record] = {}
    for record in records:
        counts[record["kind"]] += 1
        if record.get("model") in known:
            newest[_same(record)] = record
    evaluations: dict[str, list[Evaluation]] = defaultdict(list)
    on: dict[str, list[Evaluation]] = defaultdict(list)
    runs: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in newest.values():
        if record["kind"] == "training":
            runs[record["model"], record["recipe"]].append(record)
        else:
            evaluations[record["model"]].append(Evaluation(record))
            on[record["benchmark"]].append(Evaluation(record))
    trainings: dict[str, list[Record]] = defaultdict(list)
    for (model, _), of in runs.items():
        latest = sorted(of, key=lambda record: record["date"])[-SEEDS:]
        trainings[model] += sorted(latest, key=lambda record: record["seed"])
    return Held(evaluations, on, trainings, counts)


def _same(record: Record) -> tuple[Any, ...]:
    """What makes a later record take the place of an earlier one."""
    if record["kind"] == "training":
        return ("training", record["model"], record["recipe"], record["seed"])
    names = ("kind", "model", "weights", "benchmark", "precision")
    return (*(record[name] for name in names), repr(sorted(record["protocol"].items())))


def together(trainings: Mapping[str, Sequence[Record]]) -> dict[str, list[Record]]:
    """{what they learnt on: runs} of all models, those of one kind of recipe side by side."""
    found: dict[str, list[Record]] = defaultdict(list)
    for runs in trainings.values():
        for record in runs:
            found[record["recipe"].partition(".")[2] or record["recipe"]].append(record)
    return dict(found)
