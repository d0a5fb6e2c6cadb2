"""Take quick runs of the published ledger again, and set the scores beside those on record.

    python -m eval.second_machine [--data DIR] [--record]

Fits to tables of OpenML that took less than a second each, and CycleNet's smallest setting: what a
test of CI takes again too (tests/evaluation/test_second_machine.py). Without --data, the table that
comes along alone. With --record, the scores go to eval/second_machine.json, of which docs/proof.md
has the sums.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from rich.console import Console
from rich.table import Table

from configs.cyclenet import RECIPES
from eval.forecasting import score
from zoo._io import read_json
from zoo.claims.retraining import fit_record
from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.evaluation import ledger
from zoo.evaluation.answer_log import write_indented
from zoo.evaluation.environment import environment
from zoo.evaluation.ledger import Record
from zoo.training import train

FILE = Path(__file__).with_name("second_machine.json")
QUICK = 1.0  # seconds of a fit to a table
SERIES = ("cyclenet_linear_96_96.etth1", "cyclenet_linear_96_96.etth2")
HALF_A_DIGIT = 0.0005  # errors of numbers are printed to three decimals


class Pair(NamedTuple):
    """A score on record, and the same run's here."""

    run: str  # recipe, benchmark and seed
    metric: str
    recorded: float
    here: float
    allowed: float  # largest difference that other arithmetic explains

    @property
    def difference(self) -> float:
        """How far apart they are."""
        return abs(self.here - self.recorded)


def quick_runs() -> list[Record]:
    """Return the runs of the published ledger that are taken again, the last of each kind."""
    runs = {}
    for record in ledger.published().records():
        if record["kind"] == "training":
            is_fit = record["recipe"].endswith(".openml") and record["seconds"] < QUICK
            if is_fit or record["recipe"] in SERIES:
                runs[record["recipe"], benchmark_of(record), record["seed"]] = record
    return list(runs.values())


def benchmark_of(record: Record) -> str:
    """Return the id of a run's benchmark."""
    return str(next(iter(record["benchmarks"])))


def allowed(metric: str, benchmark: str) -> float:
    """Return the difference that is allowed: one row of the table, or half a printed digit."""
    return 100 / BENCHMARKS[benchmark].size if metric == "error" else HALF_A_DIGIT


def take_again(run: Record, data: Path | None) -> Iterator[Pair]:
    """Yield each score of a run on record, and what the run gives now.

    Raises:
        DatasetNotFoundError: its data is not there.
    """
    benchmark = benchmark_of(run)
    if run["recipe"] in SERIES:
        scores = _train(run, data)
    else:
        scores = fit_record(run["model"], benchmark, data)["benchmarks"][benchmark]["scores"]
    for metric, entry in run["benchmarks"][benchmark]["scores"].items():
        name = f"{run['recipe']} on {benchmark}, seed {run['seed']}"
        here, limit = scores[metric]["value"], allowed(metric, benchmark)
        yield Pair(name, metric, entry["value"], here, limit)


def _train(record: Record, data: Path | None) -> Mapping[str, Any]:
    if data is None:
        raise DatasetNotFoundError(f"{benchmark_of(record)} needs a folder of data")
    recipe = next(recipe for recipe in RECIPES if recipe.name == record["recipe"])
    with tempfile.TemporaryDirectory() as folder:
        run = train(recipe, seed=record["seed"], out=Path(folder), data=data, quiet=True)
        return score(run, data)[benchmark_of(record)]


def record(pairs: Sequence[Pair]) -> None:
    """Write the scores and the machine that they are of."""
    cpu = torch.backends.cpu.get_cpu_capability()
    machine = {**environment(torch.device("cpu")), "cpu": cpu}
    rows = [list(pair[:-1]) for pair in pairs]
    write_indented(FILE, {"date": time.strftime("%Y-%m-%d"), **machine, "scores": rows})


def recorded() -> list[Pair]:
    """Return the scores that were written last."""
    pairs = []
    for run, metric, first, second in read_json(FILE)["scores"]:
        benchmark = run.partition(" on ")[2].partition(",")[0]
        pairs.append(Pair(run, metric, first, second, allowed(metric, benchmark)))
    return pairs


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with one folder per data set")
    parser.add_argument("--record", action="store_true", help="write eval/second_machine.json")
    options = parser.parse_args()
    table = Table("run", "score", "on record", "here", "difference", "allowed")
    pairs = list[Pair]()
    for run in quick_runs():
        try:
            pairs += take_again(run, options.data)
        except DatasetNotFoundError:
            continue
    for pair in pairs:
        values = (*pair[2:4], pair.difference, pair.allowed)
        table.add_row(pair.run, pair.metric, *(f"{value:.6f}" for value in values))
    Console(width=150).print(table)
    same = sum(pair.difference == 0 for pair in pairs)
    within = sum(pair.difference <= pair.allowed for pair in pairs)
    print(f"{len(pairs)} scores: {same} the same to the last bit, {within} within what is allowed")
    if options.record:
        record(pairs)


if __name__ == "__main__":
    main()
