"""Train a printed number now, by its paper's recipe, and judge it.

names -> claims whose training takes minutes -> training record -> verdict beside the print
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from zoo.claims.selection import select
from zoo.claims.trained import is_trainable, judge_runs
from zoo.claims.verdict import Verdict
from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.data.tabular import SEED, Table
from zoo.evaluation import tasks
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.engine import evaluate
from zoo.evaluation.environment import environment
from zoo.models._builder import pretrained_cfg
from zoo.papers.records import Claim, Paper
from zoo.training import Trainer, save, time_series
from zoo.training.tabular import fit_folds, recipe_of

OnProgress = Callable[[str], None]  # called with what is done now
SERIES_SEED = 0


def retrain(
    *names: str, data: Path | None = None, on_progress: OnProgress = lambda text: None
) -> Iterator[Verdict]:
    """Train the printed number of each network whose data set is smallest, and judge it.

    Nothing is added to a ledger: `--write` of eval/tabular.py and eval/time_series.py does that for
    whole columns.

    Args:
        names: models, paper ids or arXiv numbers, as `zoo.check` takes them.
        data: folder with one folder per data set; wdbc needs none.
        on_progress: called with a line of text before each fold or epoch.

    Yields:
        A verdict for each network, as soon as it is there.

    Raises:
        UnknownNameError: a name matches nothing.
        LookupError: no claim of these names has a recipe and data here.
    """
    chosen: dict[str, list[tuple[Paper, Claim]]] = {}
    for paper, claims, _ in select(names):
        for claim in claims:
            if _has_recipe(paper, claim):
                chosen.setdefault(claim.model, []).append((paper, claim))
    has_claim = False
    for pairs in chosen.values():
        for paper, claim in sorted(pairs, key=lambda pair: BENCHMARKS[pair[1].benchmark].size):
            try:
                train = TRAINED[BENCHMARKS[claim.benchmark].task]
                record = train(claim.model, claim.benchmark, data, on_progress)
            except DatasetNotFoundError:
                continue
            has_claim = True
            protocol = next(p for p in paper.training if p.protocol == claim.protocol)
            yield judge_runs(claim, protocol, [{**record, "id": ""}])
            break
    if not has_claim:
        raise LookupError(
            f"no printed number of {', '.join(names)} has a recipe of some minutes and its data "
            "here; `zoo check --retrain rfnn` has both"
        )


def _has_recipe(paper: Paper, claim: Claim) -> bool:
    protocols = {p.protocol for p in paper.training if p.seeds}
    has_task = is_trainable(claim) and BENCHMARKS[claim.benchmark].task in TRAINED
    return has_task and claim.protocol in protocols


def fit_record(
    model: str, benchmark: str, data: Path | None, on_progress: OnProgress = lambda text: None
) -> dict[str, Any]:
    """Fit a network to the folds of a table; return a training record.

    Args:
        model: architecture that has hyperparameters of the table.
        benchmark: id such as "tabular/wdbc".
        data: folder with one folder per data set.
        on_progress: called with a line of text before each fold.

    Raises:
        DatasetNotFoundError: the table is not there.
    """
    table: Any = BENCHMARKS[benchmark].open(data)
    assert isinstance(table, Table)
    name, is_regression = BENCHMARKS[benchmark].split, not BENCHMARKS[benchmark].classes
    recipe, metric = recipe_of(model, name), "rmse" if is_regression else "error"
    history: list[dict[str, float]] = []
    sizes = set[int]()  # of the networks of all folds
    folds = fit_folds(recipe, name, table, is_regression=is_regression)
    while len(history) < len(recipe.folds[name]):
        on_progress(f"{model} on {benchmark}: fold {len(history) + 1}")
        fold = next(folds)
        seconds = round(fold.seconds, 3)
        history.append({metric: fold.score, "seconds": seconds, **fold.chosen})
        sizes.add(sum(parameter.numel() for parameter in fold.network.parameters()))
    scores = {benchmark: {metric: {"value": fmean(row[metric] for row in history)}}}
    chosen, rows = recipe.folds[name], max(len(train) for train, _ in table.folds)
    return {
        **_record(model, scores, sum(row["seconds"] for row in history)),
        "recipe": recipe.name,
        **({"params": sizes.pop()} if len(sizes) == 1 else {}),
        "seed": chosen[0].get("seed", SEED),
        "epochs": int(max(fold.get("epochs", 1) for fold in chosen)),
        "batch_size": int(max(fold.get("batch_size", rows) for fold in chosen)),
        "history": history,
    }


def _record(model: str, scores: Mapping[str, Mapping[str, Any]], seconds: float) -> dict[str, Any]:
    """Return the entries that every training record of this machine has."""
    return {
        "kind": "training",
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "model": model,
        "benchmarks": {
            name: {"version": BENCHMARKS[name].version, "scores": dict(score)}
            for name, score in scores.items()
        },
        "precision": "fp32",
        "seconds": round(seconds, 1),
        **environment(torch.device("cpu")),
    }


def train_record(
    model: str, benchmark: str, data: Path | None, on_progress: OnProgress = lambda text: None
) -> dict[str, Any]:
    """Train a classifier of time series; return a training record.

    Args:
        model: architecture that has a recipe, see zoo.training.time_series.recipe_of.
        benchmark: id such as "ucr/coffee".
        data: folder with one folder per data set.
        on_progress: called with a line of text before each epoch.

    Raises:
        DatasetNotFoundError: the data set is not there.
    """
    recipe = time_series.recipe_of(model, benchmark)
    with tempfile.TemporaryDirectory() as folder:
        run = Trainer(recipe, seed=SERIES_SEED, out=Path(folder), data=data)
        while not run.is_finished:
            done = len(run.history)
            minutes = run.seconds / max(done, 1) * (recipe.epochs - done) / 60
            left = f", {minutes:.1f} minutes left" if done else ""
            on_progress(f"{model} on {benchmark}: epoch {done + 1:,} of {recipe.epochs:,}{left}")
            run.train_epoch(done, lambda loss: None)
        save(run)
        scores = score(run, benchmark, data)
    return {
        **_record(model, scores, run.seconds),
        "recipe": recipe.name,
        "seed": SERIES_SEED,
        "epochs": recipe.epochs,
        "batch_size": recipe.batch_size,
        "history": run.history,
    }


def score(run: Trainer, benchmark: str, data: Path | None) -> dict[str, dict[str, Any]]:
    """Return {benchmark: scores} of a finished run, with the preprocessing of its recipe."""
    chosen, network = BENCHMARKS[benchmark], run.network
    cfg = {**pretrained_cfg(network), **run.recipe.preprocessing}
    vars(network)["pretrained_cfg"] = cfg
    task = tasks.TASKS[chosen.task]
    evaluator = task.evaluator(network, chosen.open(data), task.default(cfg), chosen)
    return {benchmark: evaluate(evaluator, EvalConfig(eager=True), run.device.type)["scores"]}


TRAINED = {"tabular": fit_record, "time-series-classification": train_record}  # by task
