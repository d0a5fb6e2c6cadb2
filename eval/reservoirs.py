"""Fit reservoirs by ten seeds, and record scores on generated series and those of the UCR archive.

    python -m eval.reservoirs --data DIR [--models resrmn_r deepresesn_c ...] [--seeds 0 1 ...]
        [--write]

A run is a network with a seed, on all benchmarks of its recipe; a finished one is not repeated
while the code is the same commit. With --write, the runs are added to the published ledger,
eval/results, by which `zoo check` judges comparisons.
"""

import argparse
import time
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

import torch

from configs.reservoirs import RECIPES
from eval.seeds import publish
from zoo._io import read_json
from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation import tasks
from zoo.evaluation.answer_log import write_indented
from zoo.evaluation.engine import evaluate
from zoo.evaluation.environment import checkout_commit, environment
from zoo.papers.protocols import SequenceProtocol, TimeSeriesProtocol
from zoo.training.reservoir import ReservoirFit, fit_sequences, fit_series

RUNS = Path("runs/reservoirs")
MADE_BY = "eval/reservoirs.py"
SEEDS = tuple(range(10))


def fit_and_score(
    model: str, benchmark: str, fit: ReservoirFit, seed: int, data: Path | None
) -> tuple[dict[str, Any], int]:
    """Return the scores of a fitted network on the test split, with series as they are stored, and
    how many series it was fitted to."""
    target = BENCHMARKS[benchmark]
    samples: Any = target.open(data)
    protocol: Any = TimeSeriesProtocol(standardized=False)
    if target.task == "sequence-regression":
        protocol = SequenceProtocol()
        network = fit_sequences(model, samples.training, fit, seed, protocol.washout)
    else:
        network = fit_series(model, samples, fit, seed, target.classes)
    evaluator = tasks.TASKS[target.task].evaluator(network, samples, protocol, target)
    return evaluate(evaluator)["scores"], len(samples.training)


def run_or_load(model: str, seed: int, data: Path | None) -> dict[str, Any]:
    """Return the record of a run, from disk if it is done by this code."""
    recipe = RECIPES[model]
    path = RUNS / f"{recipe.name}-{seed}" / "result.json"
    if path.exists():
        known: dict[str, Any] = read_json(path)
        if known["commit"] == checkout_commit():
            return known
    start, benchmarks, history, fitted = time.perf_counter(), {}, [], 0
    for name, fit in recipe.fits.items():
        scores, series = fit_and_score(model, name, fit, seed, data)
        fitted = max(fitted, series)
        benchmarks[name] = {"version": BENCHMARKS[name].version, "scores": scores}
        history.append({"seconds": round(time.perf_counter() - start, 3)})
    record = {
        "kind": "training",
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "made_by": MADE_BY,
        "model": model,
        "recipe": recipe.name,
        "seed": seed,
        "epochs": 1,  # solved for, with all series at once
        "batch_size": fitted,
        "benchmarks": benchmarks,
        "history": history,
        "precision": "fp32",
        "seconds": round(time.perf_counter() - start, 1),
        **environment(torch.device("cpu")),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_indented(path, record)
    return record


def format_means(model: str, runs: list[dict[str, Any]]) -> list[str]:
    """Return a line for each benchmark: "ucr/car resrmn_i: error 21.17 +- 3.1, 10 seeds"."""
    lines = []
    for name, entry in runs[0]["benchmarks"].items():
        for metric in entry["scores"]:
            values = [run["benchmarks"][name]["scores"][metric]["value"] for run in runs]
            spread = f"{fmean(values):.4g} +- {pstdev(values):.2g}"
            lines.append(f"{name} {model}: {metric} {spread}, {len(runs)} seeds")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with one folder per data set")
    parser.add_argument("--models", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--write", action="store_true", help="add to the ledger")
    options = parser.parse_args()
    checkout_commit()  # cached: records name the code that was loaded
    done = []
    for model in options.models:
        runs = []
        for seed in options.seeds:
            runs.append(run_or_load(model, seed, options.data))
            print(f"{runs[-1]['recipe']} {seed}: {runs[-1]['seconds']} s", flush=True)
        print(*format_means(model, runs), sep="\n", flush=True)
        done += runs
    if options.write:
        publish(done)


if __name__ == "__main__":
    main()
