"""Training runs of several networks by one recipe and several seeds, as records of the ledger.

recipe, seed -> training, resumed or already done -> DIR/result.json -> the published ledger
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from zoo._io import read_json
from zoo.checkpoints.writing import file_sha256
from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation import ledger
from zoo.evaluation.answer_log import write_indented
from zoo.evaluation.environment import environment
from zoo.training import Recipe, Trainer, train

Scores = Mapping[str, Mapping[str, Any]]  # {metric: score} of a benchmark
RESULT = "result.json"  # in the folder of a run
MOST_ROWS = 400  # of the history in a record, but for the last and the one of the lowest loss


def train_or_load(
    recipe: Recipe,
    seed: int,
    out: Path,
    made_by: str,
    score: Callable[[Trainer], Mapping[str, Scores]],
    *,
    model: str = "",
    **options: Any,
) -> dict[str, Any]:
    """Return the record of a training run, from disk if it is done; an interrupted one resumes.

    Args:
        recipe: What to train.
        seed: Seed of the run.
        out: Folder of the run.
        made_by: Script that the record names.
        score: Scores of the finished run by benchmark.
        model: Name of the network in the record; by default that of the recipe.
        options: Those of zoo.training.train.
    """
    path = out / RESULT
    if path.exists():
        loaded: dict[str, Any] = read_json(path)
        return loaded
    run = train(recipe, seed=seed, out=out, **options)
    benchmarks = {
        name: {"version": BENCHMARKS[name].version, "scores": scores}
        for name, scores in score(run).items()
    }
    record = {
        "kind": "training",
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "made_by": made_by,
        "model": model or recipe.model,
        "recipe": recipe.name,
        "params": sum(parameter.numel() for parameter in run.network.parameters()),
        "seed": seed,
        "epochs": recipe.epochs,
        "batch_size": recipe.batch_size,
        "benchmarks": benchmarks,
        "history": thin(run.history),
        "precision": {"no": "fp32"}.get(recipe.precision, recipe.precision),
        "sha256": file_sha256(out / "model.safetensors"),
        "seconds": round(run.seconds, 1),
        **environment(run.accelerator.device),
    }
    write_indented(path, record)
    return record


def thin(history: Sequence[dict[str, float]]) -> list[dict[str, float]]:
    """Return the rows of a history that a record keeps: all, or of a long one each nth."""
    apart = -(-len(history) // MOST_ROWS)
    lowest = min(history, key=lambda row: row["loss"])
    return [row for i, row in enumerate(history) if i % apart == 0 or row in (lowest, history[-1])]


def folder_of(recipe: Recipe, seed: int, runs: Path) -> Path:
    """Return the folder of a run."""
    return runs / f"{recipe.name}-{seed}"


def take(
    recipe: Recipe,
    seed: int,
    runs: Path,
    made_by: str,
    score: Callable[[Trainer], Mapping[str, Scores]],
    **options: Any,
) -> dict[str, Any] | None:
    """Return the record of a run in `runs`, see `train_or_load`; None if another process has it."""
    out = folder_of(recipe, seed, runs)
    out.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(out / "lock", timeout=0):
            return train_or_load(recipe, seed, out, made_by, score, **options)
    except Timeout:
        return None


def value(record: Mapping[str, Any], benchmark: str, metric: str) -> float:
    """Return a score of a record."""
    score: float = record["benchmarks"][benchmark]["scores"][metric]["value"]
    return score


def publish(runs: Sequence[Mapping[str, Any]]) -> None:
    """Add records to the published ledger, unless it has that run."""
    published = ledger.published()
    known = {_identity(record) for record in published.records()}
    for run in runs:
        if _identity(run) not in known:
            published.add(run)


def _identity(record: Mapping[str, Any]) -> tuple[object, ...]:
    """Return what tells runs apart: a recipe may be of several data sets."""
    benchmarks = tuple(record.get("benchmarks", ()))
    return (*(record.get(key) for key in ("recipe", "what", "seed", "date")), benchmarks)
