"""Plan `zoo check --all` on paper: how long every evaluation that claims need takes on a cluster.

    python -m eval.cluster_plan [--workers 1 8 64] [--device x86_64] [--json]

The time of an evaluation is that of its last record on the device. One without a record takes as
long for each sample and multiply-add as the median of those of its kind (images classified, texts,
...); a kind without any record is left out, and said. Then `zoo check --cluster` is simulated: the
longest evaluation goes first, to the worker that is free first. A worker is what the records are
of: with records of a GPU it is a GPU. Other texts than those of records are left out too, because
nobody has counted their tokens.
"""

import argparse
import heapq
import json
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from zoo.claims.matching import collect_specs
from zoo.claims.plan import kind, multiply_adds
from zoo.claims.selection import select
from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation import tasks
from zoo.evaluation.ledger import Record, published
from zoo.evaluation.spec import EvalSpec, find_record
from zoo.models._registry import get_entry


def makespan(seconds: Iterable[float], workers: int) -> float:
    """Return when the last of these tasks ends, the longest first, each on a free worker.

    Example:
        >>> makespan([1, 1, 2, 4], workers=2)
        4
    """
    free = [0.0] * workers
    for task in sorted(seconds, reverse=True):
        heapq.heapreplace(free, free[0] + task)
    return max(free)


def times(specs: Sequence[EvalSpec], records: Sequence[Record]) -> dict[EvalSpec, float]:
    """Return the seconds of each evaluation, by its record or by those of its kind."""
    texts = {r["benchmark"]: r["samples"] * r["protocol"].get("context", 0) for r in records}
    work = {spec: multiply_adds(spec) * _samples(spec, texts) for spec in specs}
    seconds: dict[EvalSpec, float] = {}
    rates: dict[str, list[float]] = {}
    for spec in specs:
        if record := find_record(records, spec.fingerprint("fp32")):
            seconds[spec] = float(record["seconds"])
            rates.setdefault(kind(spec), []).append(seconds[spec] / work[spec])
    for spec in specs:
        if spec not in seconds and kind(spec) in rates and work[spec]:
            seconds[spec] = statistics.median(rates[kind(spec)]) * work[spec]
    return seconds


def _samples(spec: EvalSpec, texts: Mapping[str, int]) -> float:
    """Return the samples of an evaluation; of a text its windows, by its tokens in `texts`, or 0
    for one that nothing was measured on."""
    if tasks.task_of(spec.model).name != "language-modeling":
        return BENCHMARKS[spec.benchmark].size
    return texts.get(spec.benchmark, 0) / get_entry(spec.model).cfg["input_size"][0]


def simulate(device: str, workers: Sequence[int]) -> dict[str, Any]:
    """Return the plan: hours and speed-up on each number of workers, and what was left out."""
    selection = select()
    claims = (claim for _, claims, _ in selection for claim in claims)
    specs = collect_specs(claims, [w for _, _, weights in selection for w in weights])
    records = [r for r in published().records() if r.get("device") == device]
    seconds = times(specs, [r for r in records if r["kind"] == "evaluation"])
    if not seconds:
        raise SystemExit(f"no record of an evaluation is of {device}")
    alone, longest = sum(seconds.values()), max(seconds, key=lambda spec: seconds[spec])
    ends = {n: makespan(seconds.values(), n) for n in workers}
    return {
        "device": device,
        "evaluations": len(seconds),
        "without a time": dict(Counter(kind(spec) for spec in specs if spec not in seconds)),
        "longest": f"{longest.name} on {longest.benchmark}",
        "longest, hours": seconds[longest] / 3600,
        "plans": [
            {"workers": n, "hours": end / 3600, "times as fast": alone / end}
            for n, end in ends.items()
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--device", default="x86_64", help="device of the records")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    plan = simulate(options.device, options.workers)
    if options.json:
        print(json.dumps(plan))
        return
    title = f"{plan['evaluations']} evaluations on workers like {plan['device']}"
    table = Table("workers", "hours", "times as fast as one", title=title)
    for row in plan["plans"]:
        table.add_row(str(row["workers"]), f"{row['hours']:.2f}", f"{row['times as fast']:.1f}")
    Console().print(table)
    print(f"the longest, {plan['longest']}, takes {plan['longest, hours']:.2f} hours")
    for name, number in plan["without a time"].items():
        print(f"left out, of which nothing like them was measured: {number} of {name}")


if __name__ == "__main__":
    main()
