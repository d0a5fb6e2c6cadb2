"""Training runs of several networks by one recipe and several seeds, as records of the ledger.

recipe, seed -> training, resumed or already done -> DIR/result.json -> eval/results
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.checkpoints.writing import file_sha256
from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation import ledger
from zoo.evaluation.answer_log import write_indented
from zoo.evaluation.engine import evaluate
from zoo.evaluation.environment import environment
from zoo.evaluation.evaluators.classification import ClassificationEvaluator
from zoo.training import Recipe, Trainer, train

Scores = Mapping[str, Mapping[str, Any]]  # of a benchmark, by metric


def result(
    recipe: Recipe,
    seed: int,
    out: Path,
    made_by: str,
    score: Callable[[Trainer], Mapping[str, Scores]],
    **options: Any,
) -> dict[str, Any]:
    """What one run reached, by `score` on each benchmark; from disk if it is done. What was
    interrupted goes on. For the options see zoo.training.train."""
    done = out / "result.json"
    if done.exists():
        found: dict[str, Any] = json.loads(done.read_text(encoding="utf-8"))
        return found
    run = train(recipe, seed=seed, out=out, **options)
    benchmarks = {
        name: {"version": BENCHMARKS[name].version, "scores": scores}
        for name, scores in score(run).items()
    }
    found = {
        "kind": "training",
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "made_by": made_by,
        "model": recipe.model,
        "recipe": recipe.name,
        "seed": seed,
        "epochs": recipe.epochs,
        "batch_size": recipe.batch_size,
        "benchmarks": benchmarks,
        "history": run.history,
        "precision": {"no": "fp32"}.get(recipe.precision, recipe.precision),
        "sha256": file_sha256(out / "model.safetensors"),
        "seconds": round(run.seconds, 1),
        **environment(run.accelerator.device),
    }
    write_indented(done, found)
    return found


def value(run: Mapping[str, Any], benchmark: str, metric: str) -> float:
    """A score of a run."""
    found: float = run["benchmarks"][benchmark]["scores"][metric]["value"]
    return found


def record(runs: Sequence[Mapping[str, Any]]) -> None:
    """Adds to the published ledger what is not there, told by recipe, seed and date."""
    published = ledger.published()
    told = ("recipe", "seed", "date")
    there = {tuple(r.get(key) for key in told) for r in published.records()}
    for run in runs:
        if tuple(run[key] for key in told) not in there:
            published.add(run)
