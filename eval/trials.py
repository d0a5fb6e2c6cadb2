"""Train the recipes of a file by several seeds, and record their scores on a benchmark.

    OMP_NUM_THREADS=1 python -m eval.trials configs/segmentation.py --test otsu_pictures/test \\
        [--recipes unet_w8 ...] [--seeds 0 1 2 3 4] [--data DIR] [--write]

The benchmark's task says how its networks are scored. Start it as often as there are cores: each
takes a run that no other has taken. A finished run is not repeated; an interrupted one resumes.
With --write, the finished runs are added to the published ledger, eval/results, by which `zoo
check` judges a paper's trials.
"""

import argparse
import runpy
import sys
from functools import partial
from pathlib import Path

from eval import seeds
from zoo.claims.retraining import score
from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.evaluation.environment import checkout_commit
from zoo.training import Recipe

RUNS = Path("runs/trials")
MADE_BY = "eval/trials.py"


def recipes_of(file: Path) -> dict[str, Recipe]:
    """Return the recipes of a file by the names of its variables."""
    variables = runpy.run_path(str(file)) if file.is_file() else {}
    return {name: value for name, value in variables.items() if isinstance(value, Recipe)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path, help="a file of configs/")
    parser.add_argument("--test", required=True, choices=BENCHMARKS, metavar="BENCHMARK")
    parser.add_argument("--recipes", nargs="+", help="names in the file; by default all")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--data", type=Path, help="folder with one folder per data set")
    parser.add_argument("--write", action="store_true", help="add to the ledger")
    options = parser.parse_args()
    checkout_commit()  # cached: records name the code that was loaded
    recipes = recipes_of(options.file)
    names = options.recipes or list(recipes)
    if not recipes or set(names) - set(recipes):
        parser.error(f"{options.file} has the recipes {', '.join(recipes) or 'of nothing'}")
    scores = partial(score, benchmark=options.test, data=options.data)
    where = {"data": options.data, "write": options.write}
    chosen = [recipes[name] for name in names]
    runs = RUNS / options.test.replace("/", "-")
    seeds.take_all(chosen, options.seeds, runs, MADE_BY, scores, **where)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except DatasetNotFoundError as error:
        sys.exit(f"error: {error}")
