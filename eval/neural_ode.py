"""Train ODE-Net, RK-Net and their ResNet on MNIST by configs/mnist_neural_ode.py, as records.

    python -m eval.neural_ode --data DIR [--recipes odenet_mnist_res.mnist ...] [--seeds 0]
        [--write]

By default the recipes of 3 epochs, the cheapest network first. Start it as often as there are
cores: each takes a run that no other has taken. A finished run is not repeated; an interrupted one
resumes. With --write, the finished runs are added to the published ledger, eval/results, by which
`zoo check` judges the printed errors: those of 160 epochs.
"""

import argparse
from functools import partial
from pathlib import Path

from configs.mnist_neural_ode import SHORT, WHOLE
from eval import seeds
from zoo.evaluation.environment import checkout_commit

RUNS = Path("runs/neural_ode")
MADE_BY = "eval/neural_ode.py"


def main() -> None:
    recipes = {recipe.name: recipe for recipe in (*SHORT, *WHOLE)}
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with mnist")
    parser.add_argument(
        "--recipes",
        nargs="+",
        choices=recipes,
        default=[recipe.name for recipe in SHORT],
        metavar="NAME",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--write", action="store_true", help="add to the ledger")
    options = parser.parse_args()
    checkout_commit()  # cached: records name the code that was loaded
    errors = partial(seeds.errors, splits=("mnist/test",), data=options.data)
    chosen = [recipes[name] for name in options.recipes]
    where = {"data": options.data, "write": options.write}
    seeds.take_all(chosen, options.seeds, RUNS, MADE_BY, errors, **where)


if __name__ == "__main__":
    main()
