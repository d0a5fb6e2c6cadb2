"""Train MLP, FCN and ResNet on the UCR archive by 1611.06455's recipes, and record the test errors.

    OMP_NUM_THREADS=1 python -m eval.time_series --data DIR [--sets coffee beef ...]
        [--models tsc_mlp tsc_fcn tsc_resnet] [--seed 0] [--write]
    python -m eval.time_series --data DIR --estimate

The smallest run comes first. --estimate times a few steps of each, and prints the minutes of one
core that each takes, and their sum: eight hours or more for all 48. Start it as often as there are
cores: each takes a run that no other has taken. A finished run is not repeated; an interrupted one
resumes, half a minute back at most. Each line has our error and the printed one. With --write, the
finished runs are added to the published ledger, eval/results, by which `zoo check` judges.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from configs.time_series import NETWORKS, RECIPES
from eval import seeds
from zoo.claims.comparison import rounds_to
from zoo.claims.retraining import SERIES_SEED, score
from zoo.claims.runs import score_of
from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.data.ucr import series_sets
from zoo.evaluation.environment import checkout_commit
from zoo.models._builder import build_model
from zoo.models._complexity import count_complexity
from zoo.papers.loading import load_papers
from zoo.papers.records import Claim
from zoo.training import Recipe, Trainer

RUNS = Path("runs/time_series")
MADE_BY = "eval/time_series.py"
TIMED_STEPS = 5


def work(recipe: Recipe) -> int:
    """Return the multiply-adds of a run."""
    series_set = series_sets()[BENCHMARKS[recipe.dataset].split]
    network = build_model(recipe.model, device="meta", **recipe.args)
    macs = count_complexity(network, (1, series_set.steps)).macs
    return macs * series_set.train * recipe.epochs


def estimate(recipe: Recipe, data: Path) -> float:
    """Return the minutes of processor time that a run takes, from a few of its steps."""
    with tempfile.TemporaryDirectory() as folder:
        run = Trainer(recipe, seed=SERIES_SEED, out=Path(folder), data=data)
        batches = list(run.data.batches(run.data.generator(SERIES_SEED, 0)))[: TIMED_STEPS + 1]
        run.model.train()
        run.train_step(*batches[0])
        start = time.process_time()
        for inputs, labels in batches[1:]:
            run.train_step(inputs, labels)
        seconds = (time.process_time() - start) / (len(batches) - 1)
    return seconds * run.data.steps * recipe.epochs / 60


def claims() -> dict[tuple[str, str], Claim]:
    """Return the printed errors by model and benchmark."""
    return {(c.model, c.benchmark): c for paper in load_papers() for c in paper.claims}


def describe(run: Mapping[str, Any], claim: Claim | None) -> str:
    """tsc_resnet.ucr 0, 301.2 s: ucr/coffee error 0; printed 0.0: agrees"""
    text = seeds.describe(run)
    if claim and claim.value is not None:
        agrees = rounds_to(score_of(run, claim), claim.value)
        text += f"; printed {claim.value}: {'agrees' if agrees else 'differs'}"
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with one folder per data set"
    )
    sets = list(series_sets())
    parser.add_argument("--sets", nargs="+", choices=sets, default=sets, metavar="SET")
    parser.add_argument("--models", nargs="+", choices=NETWORKS, default=NETWORKS)
    parser.add_argument("--seed", type=int, default=SERIES_SEED)
    parser.add_argument("--estimate", action="store_true", help="print minutes, and train nothing")
    parser.add_argument("--write", action="store_true", help="add to the ledger")
    options = parser.parse_args()
    checkout_commit()  # cached: records name the code that was loaded
    chosen = [RECIPES[f"{model}_{name}"] for model in options.models for name in options.sets]
    recipes, printed, runs = sorted(chosen, key=work), claims(), []
    if options.estimate:
        total = 0.0
        for recipe in recipes:
            total += (minutes := estimate(recipe, options.data))
            print(f"{recipe.model} on {recipe.dataset}: {minutes:.1f} minutes", flush=True)
        print(f"{len(recipes)} runs: {total:.0f} minutes of one core")
        return
    for recipe in recipes:
        folder = RUNS / BENCHMARKS[recipe.dataset].split
        scores = partial(score, benchmark=recipe.dataset, data=options.data)
        run = seeds.take(recipe, options.seed, folder, MADE_BY, scores, data=options.data)
        if run:
            runs.append(run)
            print(describe(run, printed.get((recipe.model, recipe.dataset))), flush=True)
    if options.write:
        seeds.publish(runs)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except DatasetNotFoundError as error:
        sys.exit(f"error: {error}")
