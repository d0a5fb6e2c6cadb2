"""Train networks of N-BEATS's ensembles on M4 and evaluate their median.

    python -m eval.m4 --data DIR [--subset hourly] [--kinds g i] [--look-backs 2 3 4 5 6 7]
        [--losses smape mase mape] [--seeds 1] [--small] [--write]

The paper's ensembles have seeds 1 to 10 of each: 180 networks of 5,000 batches of 1,024, which is
work for a GPU; a network of --small takes minutes of a CPU core. Start it as often as there are
cores: each takes a network that no other has taken, and the last one evaluates. A finished network
is not repeated; an interrupted one resumes. The ensemble is written as RUNS/ensemble-<...>, which
`zoo evaluate` and zoo.create read. With --write, its record is added to the published ledger, with
the scores of its networks as the history.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import torch

from configs.nbeats import HORIZONS, LOOK_BACKS, LOSSES, forecasting
from eval import seeds
from zoo.checkpoints.loading import read_safetensors
from zoo.checkpoints.writing import file_sha256, save_safetensors
from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation import tasks
from zoo.evaluation.engine import evaluate
from zoo.evaluation.environment import environment
from zoo.models._builder import pretrained_cfg
from zoo.models._sources import load_file
from zoo.models.nbeats import KINDS
from zoo.training import Recipe, Trainer

RUNS = Path("runs/m4")
MADE_BY = "eval/m4.py"


def score(run: Trainer, data: Path) -> dict[str, seeds.Scores]:
    """Return sMAPE, MASE, OWA and ND of a network."""
    return {run.recipe.dataset: scores_of(run.network, run.recipe.dataset, data)}


def scores_of(network: Any, subset: str, data: Path) -> seeds.Scores:
    """Return sMAPE, MASE, OWA and ND of a network on a subset of M4."""
    benchmark = BENCHMARKS[subset]
    task = tasks.TASKS[benchmark.task]
    protocol = task.default(pretrained_cfg(network))
    evaluator = task.evaluator(network, benchmark.open(data), protocol, benchmark)
    scores: seeds.Scores = evaluate(evaluator)["scores"]
    return scores


def members(options: argparse.Namespace) -> Iterator[tuple[Recipe, int]]:
    """Yield the networks in the order of an ensemble's members."""
    axes = options.kinds, options.look_backs, options.losses, options.seeds
    for kind, look_back, loss, seed in product(*axes):
        yield forecasting(kind, options.subset, look_back, loss, small=options.small), seed


def name_of(options: argparse.Namespace) -> str:
    """Return the name of the ensemble of the chosen kinds."""
    return f"nbeats_{''.join(sorted(options.kinds, reverse=True))}_ensemble"


def arguments(options: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of the ensemble."""
    return {
        "horizon": HORIZONS[options.subset],
        "kinds": tuple(name for kind in options.kinds for name in KINDS[kind]),
        "look_backs": tuple(options.look_backs),
        "copies": len(options.losses) * len(options.seeds),
    }


def assemble(options: argparse.Namespace, trained: Sequence[Path]) -> Path:
    """Write the ensemble of trained networks as one file, and return its path."""
    tensors = {
        f"members.{number}.{key}": tensor
        for number, folder in enumerate(trained)
        for key, tensor in read_safetensors(folder / "model.safetensors").items()
    }
    parts = (*options.kinds, options.subset, *options.losses, *map(str, options.look_backs))
    path = RUNS / f"ensemble-{'-'.join(parts)}-{len(trained)}{'-small' * options.small}.safetensors"
    metadata = {"model": name_of(options), "args": str(arguments(options))}
    save_safetensors(tensors, path, metadata)
    return path


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds m4/")
    parser.add_argument("--subset", choices=HORIZONS, default="hourly")
    parser.add_argument("--kinds", nargs="+", choices=["g", "i"], default=["g"])
    parser.add_argument("--look-backs", type=int, nargs="+", default=LOOK_BACKS, help="in horizons")
    parser.add_argument("--losses", nargs="+", choices=LOSSES, default=LOSSES)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--small", action="store_true", help="the recipe for a CPU")
    parser.add_argument("--write", action="store_true", help="add the ensemble to the ledger")
    return parser.parse_args()


def train_all(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Train what no other process has trained; return the records of the finished networks.

    A second pass reads those that others were at in the first.
    """
    chosen, records = list(members(options)), dict[int, dict[str, Any]]()
    scored = partial(score, data=options.data)
    for _ in range(2):
        for number, (recipe, seed) in enumerate(chosen):
            if number in records:
                continue
            if record := seeds.take(recipe, seed, RUNS, MADE_BY, scored, data=options.data):
                records[number] = record
                print(seeds.describe(record), flush=True)
    return [records[number] for number in sorted(records)]


def ensemble_record(
    options: argparse.Namespace, path: Path, records: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Evaluate an ensemble; return its training record, whose history are its networks' scores."""
    ensemble = load_file(name_of(options), path, **arguments(options))
    benchmark = BENCHMARKS[f"m4/{options.subset}"]
    scores = scores_of(ensemble, benchmark.id, options.data)
    alone = [record["benchmarks"][benchmark.id]["scores"] for record in records]
    return {
        "kind": "training",
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "made_by": MADE_BY,
        "model": name_of(options),
        "recipe": f"{name_of(options)}.{'zoo_' * options.small}m4_{options.subset}_{len(records)}",
        "params": sum(parameter.numel() for parameter in ensemble.parameters()),
        "seed": min(options.seeds),
        "epochs": records[0]["epochs"],
        "batch_size": records[0]["batch_size"],
        "benchmarks": {benchmark.id: {"version": benchmark.version, "scores": scores}},
        "history": [{key: score["value"] for key, score in each.items()} for each in alone],
        "precision": "fp32",
        "sha256": file_sha256(path),
        "seconds": round(sum(record["seconds"] for record in records), 1),
        **environment(torch.device("cpu")),
    }


def main() -> None:
    options = parse()
    records = train_all(options)
    chosen = list(members(options))
    if len(records) < len(chosen):
        print(f"{len(chosen) - len(records)} networks are trained by another process")
        return
    trained = [seeds.folder_of(recipe, seed, RUNS) for recipe, seed in chosen]
    record = ensemble_record(options, assemble(options, trained), records)
    print(f"ensemble of {len(records)}: {seeds.describe(record)}")
    if options.write:
        seeds.publish([record])


if __name__ == "__main__":
    main()
