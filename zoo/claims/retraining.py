"""Train a printed number now, by its paper's recipe, and judge it.

names -> claims whose training takes about a minute -> training record -> verdict beside the print
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from zoo.claims.selection import select
from zoo.claims.trained import is_trainable, judge_runs
from zoo.claims.verdict import Verdict
from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.data.tabular import SEED, Table
from zoo.evaluation.environment import environment
from zoo.papers.records import Claim, Paper
from zoo.training.tabular import fit_folds, recipe_of

OnProgress = Callable[[str], None]  # called with what is done now


def retrain(
    *names: str, data: Path | None = None, on_progress: OnProgress = lambda text: None
) -> Iterator[Verdict]:
    """Train the printed number of each network whose table is smallest, and judge it.

    Nothing is added to a ledger: `python -m eval.tabular --write` does that for whole columns.

    Args:
        names: models, paper ids or arXiv numbers, as `zoo.check` takes them.
        data: folder with one folder per data set; wdbc needs none.
        on_progress: called with a line of text before each fold.

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
                record = fit_record(claim.model, claim.benchmark, data, on_progress)
            except DatasetNotFoundError:
                continue
            has_claim = True
            protocol = next(p for p in paper.training if p.protocol == claim.protocol)
            yield judge_runs(claim, protocol, [{**record, "id": ""}])
            break
    if not has_claim:
        raise LookupError(
            f"no printed number of {', '.join(names)} has a recipe of about a minute and its data "
            "here; `zoo check --retrain rfnn` has both"
        )


def _has_recipe(paper: Paper, claim: Claim) -> bool:
    protocols = {p.protocol for p in paper.training if p.seeds}
    is_table = is_trainable(claim) and BENCHMARKS[claim.benchmark].task == "tabular"
    return is_table and claim.protocol in protocols


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
    recipe, is_regression = recipe_of(model), not BENCHMARKS[benchmark].classes
    metric, name = "rmse" if is_regression else "error", BENCHMARKS[benchmark].split
    history: list[dict[str, float]] = []
    folds = fit_folds(recipe, name, table, is_regression=is_regression)
    while len(history) < len(recipe.folds[name]):
        on_progress(f"{model} on {benchmark}: fold {len(history) + 1}")
        fold = next(folds)
        history.append({metric: fold.score, "seconds": round(fold.seconds, 3)})
    score = {"value": fmean(row[metric] for row in history)}
    chosen = recipe.folds[name]
    return {
        "kind": "training",
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "model": model,
        "recipe": recipe.name,
        "seed": SEED,
        "epochs": int(max(fold.get("epochs", 1) for fold in chosen)),
        "batch_size": int(max(fold.get("batch_size", len(table)) for fold in chosen)),
        "benchmarks": {
            benchmark: {"version": BENCHMARKS[benchmark].version, "scores": {metric: score}}
        },
        "history": history,
        "precision": "fp32",
        "seconds": round(sum(row["seconds"] for row in history), 1),
        **environment(torch.device("cpu")),
    }
