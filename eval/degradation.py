"""Try the degradation of plain nets (1512.03385, Sec. 4.2) on digits.

    python -m eval.degradation [--depths 20 32 44 56 110] [--seeds 0 1 2 3 4] [--write]

Trains plain and residual nets of equal depth by one recipe (configs/digits.py) and several
seeds. A finished run is not repeated; an interrupted one resumes. With --write, the runs are added
to the published ledger, eval/results, which `zoo check` reads.
"""

import argparse
from functools import partial
from pathlib import Path

from configs.digits import digits
from eval import seeds

RUNS = Path("runs/degradation")
BATCH_SIZE = 32  # of 1,437 images: 44 steps an epoch, 528 in all
KINDS = ("plain", "resnet")
SIDES = ("digits/train", "digits/test")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--depths", type=int, nargs="+", default=[20, 32, 44, 56, 110])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--write", action="store_true", help="add to the ledger")
    options = parser.parse_args()
    names = [f"{kind}{depth}" for depth in options.depths for kind in KINDS]
    runs = [
        seeds.train_or_load(
            digits(name, batch_size=BATCH_SIZE),
            seed,
            RUNS / f"{name}-{seed}",
            "eval/degradation.py",
            partial(seeds.errors, splits=SIDES),
        )
        for seed in options.seeds
        for name in names
    ]
    for run in runs:
        train, test = (seeds.value(run, side, "error") for side in SIDES)
        print(f"{run['model']} {run['seed']}: {train:.2f} and {test:.2f} %, {run['seconds']} s")
    if options.write:
        seeds.publish(runs)


if __name__ == "__main__":
    main()
