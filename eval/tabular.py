"""Fit the networks of 2501.18283 to tables by its authors' hyperparameters, as records.

    python -m eval.tabular --data DIR [--tables wdbc diabetes ...] [--models rfnn ...] [--write]

The smallest table first; all of a table's networks, then the next. A finished run is not repeated
while the code is the same commit. Each line has our mean of five folds and the printed one. With
--write, the runs are added to the published ledger, eval/results, which `zoo check` reads.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from configs.tabular import RECIPES
from eval.seeds import publish
from zoo._io import read_json
from zoo.claims.comparison import rounds_to
from zoo.claims.retraining import fit_record
from zoo.claims.runs import score_of
from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.evaluation.answer_log import write_indented
from zoo.evaluation.environment import checkout_commit
from zoo.papers.loading import load_papers
from zoo.papers.records import Claim

RUNS = Path("runs/tabular")
MADE_BY = "eval/tabular.py"


def claims() -> dict[tuple[str, str], Claim]:
    """Return the measured claims on tables by model and benchmark."""
    papers = [paper for paper in load_papers() if paper.task == "tabular"]
    return {(c.model, c.benchmark): c for paper in papers for c in paper.claims}


def fit_or_load(model: str, benchmark: str, data: Path | None) -> dict[str, Any]:
    """Return the record of a run, from disk if it is done by this code."""
    path = RUNS / f"{model}-{BENCHMARKS[benchmark].split}" / "result.json"
    if path.exists():
        known: dict[str, Any] = read_json(path)
        if known["commit"] == checkout_commit():
            return known
    path.parent.mkdir(parents=True, exist_ok=True)
    record = {**fit_record(model, benchmark, data), "made_by": MADE_BY}
    write_indented(path, record)
    return record


def format_run(run: Mapping[str, Any], claim: Claim | None) -> str:
    """wdbc rfnn: error 2.634665, printed 97.4: agrees (5.2 s)"""
    (benchmark, entry), *_ = run["benchmarks"].items()
    (metric, score), *_ = entry["scores"].items()
    text = f"{BENCHMARKS[benchmark].split} {run['model']}: {metric} {score['value']:.6f}"
    if claim and claim.value is not None:
        agrees = rounds_to(score_of(run, claim), claim.value)
        text += f", printed {claim.value}: {'agrees' if agrees else 'differs'}"
    return f"{text} ({run['seconds']} s)"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with one folder per data set")
    tables = [b.split for b in BENCHMARKS.values() if b.task == "tabular"]
    parser.add_argument("--tables", nargs="+", choices=tables, default=tables, metavar="TABLE")
    parser.add_argument("--models", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--write", action="store_true", help="add to the ledger")
    options = parser.parse_args()
    checkout_commit()  # cached: records name the code that was loaded
    printed, runs = claims(), []
    for table in sorted(options.tables, key=lambda name: BENCHMARKS[f"tabular/{name}"].size):
        benchmark = f"tabular/{table}"
        for model in options.models:
            if not any(table in recipe.folds for recipe in RECIPES[model]):
                continue
            try:
                runs.append(fit_or_load(model, benchmark, options.data))
            except DatasetNotFoundError as error:
                print(error, flush=True)
                break
            print(format_run(runs[-1], printed.get((model, benchmark))), flush=True)
    if options.write:
        publish(runs)


if __name__ == "__main__":
    main()
