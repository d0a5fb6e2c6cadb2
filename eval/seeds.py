"""Training runs of several networks by one recipe and several seeds, as records of the ledger.

recipe, seed -> training, resumed or already done -> DIR/result.json -> eval/results
"""

from collections.abc import Iterable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

from zoo.data.benchmarks import BENCHMARKS
from zoo.data.transforms import make_transform
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.engine import evaluate
from zoo.evaluation.evaluators.classification import ClassificationEvaluator
from zoo.evaluation.training_runs import (
    MOST_ROWS,
    Scores,
    folder_of,
    publish,
    take,
    thin,
    train_or_load,
    value,
)
from zoo.models._builder import pretrained_cfg
from zoo.training import Recipe, Trainer

__all__ = [
    "MOST_ROWS",
    "Scores",
    "describe",
    "errors",
    "folder_of",
    "publish",
    "take",
    "take_all",
    "thin",
    "train_or_load",
    "value",
]


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
