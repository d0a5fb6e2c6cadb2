"""Training runs of several networks by one recipe and several seeds, as records of the ledger.

recipe, seed -> training, resumed or already done -> DIR/result.json -> eval/results
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from zoo.checkpoints.writing import file_sha256
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.transforms import make_transform
from zoo.evaluation import ledger
from zoo.evaluation.answer_log import write_indented
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.engine import evaluate
from zoo.evaluation.environment import environment
from zoo.evaluation.evaluators.classification import ClassificationEvaluator
from zoo.models._builder import pretrained_cfg
from zoo.training import Recipe, Trainer, train

Scores = Mapping[str, Mapping[str, Any]]  # {metric: score} of a benchmark
MOST_ROWS = 400  # of the history in a record, but for the last and the one of the lowest loss


def train_or_load(
    recipe: Recipe,
    seed: int,
    out: Path,
    made_by: str,
    score: Callable[[Trainer], Mapping[str, Scores]],
    **options: Any,
) -> dict[str, Any]:
    """Return the record of a training run, from disk if it is done; an interrupted one resumes.

    Args:
        recipe: What to train.
        seed: Seed of the run.
        out: Folder of the run.
        made_by: Script that the record names.
        score: Scores of the finished run by benchmark.
        options: Those of zoo.training.train.
    """
    path = out / "result.json"
    if path.exists():
        loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
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
        "model": recipe.model,
        "recipe": recipe.name,
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


def take(
    recipe: Recipe,
    seed: int,
    runs: Path,
    made_by: str,
    score: Callable[[Trainer], Mapping[str, Scores]],
    **options: Any,
) -> dict[str, Any] | None:
    """Return the record of a run in `runs`, see `train_or_load`; None if another process has it."""
    out = runs / f"{recipe.name}-{seed}"
    out.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(out / "lock", timeout=0):
            return train_or_load(recipe, seed, out, made_by, score, **options)
    except Timeout:
        return None


def take_all(
    recipes: Iterable[Recipe], seeds: Iterable[int], *args: Any, write: bool, **options: Any
) -> None:
    """Take each recipe with each seed, see `take`; print the records, and publish them if asked."""
    records = []
    for recipe, seed in product(recipes, seeds):
        if record := take(recipe, seed, *args, **options):
            records.append(record)
            print(describe(record), flush=True)
    if write:
        publish(records)


def describe(run: Mapping[str, Any]) -> str:
    """plain20.zoo_jpeg16 0, 901.2 s: cifar10_jpeg/test error 40.1; ..."""
    scores = "; ".join(
        f"{name} {metric} {score['value']:.4g}"
        for name, entry in run["benchmarks"].items()
        for metric, score in entry["scores"].items()
    )
    return f"{run['recipe']} {run['seed']}, {run['seconds']} s: {scores}"


def errors(run: Trainer, splits: Iterable[str], data: Path | None = None) -> dict[str, Scores]:
    """Return the error of a trained classifier on splits, as the network was trained."""
    cfg = {**pretrained_cfg(run.network), **run.recipe.preprocessing}
    scores: dict[str, Scores] = {}
    for split in splits:
        samples = BENCHMARKS[split].open(data)
        evaluator = ClassificationEvaluator(run.network, samples, make_transform(cfg, None))
        result = evaluate(evaluator, EvalConfig(eager=True), run.accelerator.device.type)
        scores[split] = {"error": result["scores"]["error"]}
    return scores


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
    return (*(record.get(key) for key in ("recipe", "seed", "date")), benchmarks)
