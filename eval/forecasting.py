"""Train CycleNet on ETT by its authors' recipes and seeds, and record what the runs score.

    python -m eval.forecasting --data DIR [--settings cyclenet_linear_96_96.etth1 ...]
        [--seeds 2024 2025 2026 2027 2028] [--write]

All 48 settings by five seeds take about 150 minutes of one core; the smallest networks come first.
Start it as often as there are cores: each takes a run that no other has taken. A finished run is
not repeated; an interrupted one resumes. With --write, the finished runs are added to the published
ledger, eval/results, by which `zoo check` judges the means over the seeds.
"""

import argparse
from functools import partial
from pathlib import Path

from configs.cyclenet import RECIPES
from eval import seeds
from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation import tasks
from zoo.evaluation.engine import evaluate
from zoo.evaluation.environment import checkout_commit
from zoo.models._builder import pretrained_cfg
from zoo.models._registry import get_entry, stored_counts
from zoo.training import Recipe, Trainer

RUNS = Path("runs/forecasting")
MADE_BY = "eval/forecasting.py"
SEEDS = (2024, 2025, 2026, 2027, 2028)  # the authors'


def score(run: Trainer, data: Path) -> dict[str, seeds.Scores]:
    """Return MSE and MAE on the test split of the run's data set and horizon."""
    benchmark = BENCHMARKS[run.recipe.dataset.replace("/train", "/test")]
    task = tasks.TASKS[benchmark.task]
    protocol = task.default(pretrained_cfg(run.network))
    evaluator = task.evaluator(run.network, benchmark.open(data), protocol, benchmark)
    return {benchmark.id: evaluate(evaluator, device=run.device.type)["scores"]}


def size(recipe: Recipe) -> int:
    """Return the parameters of a recipe's network, which its time grows with."""
    return int(stored_counts(get_entry(recipe.model))["params"])


def main() -> None:
    recipes = {recipe.name: recipe for recipe in sorted(RECIPES, key=size)}
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with one folder per data set"
    )
    parser.add_argument(
        "--settings", nargs="+", choices=recipes, default=list(recipes), metavar="NAME"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--write", action="store_true", help="add to the ledger")
    options = parser.parse_args()
    checkout_commit()  # cached: records name the code that was loaded
    scores = partial(score, data=options.data)
    chosen = [recipes[name] for name in options.settings]
    where = {"data": options.data, "write": options.write}
    seeds.take_all(chosen, options.seeds, RUNS, MADE_BY, scores, **where)


if __name__ == "__main__":
    main()
