"""Does the degradation of plain nets (1512.03385, Sec. 4.2) show on digits?

    python -m eval.degradation [--depths 20 56 110] [--seeds 0 1 2 3 4]

Trains plain and residual nets of equal depth by one recipe (configs/digits.py) and several
seeds. A run that is done is not repeated; one that was interrupted goes on. When all are there,
the numbers are written to zoo/families/resnet/recorded.json, which `zoo check` reads.
"""

import argparse
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

import timm
import torch

import zoo
from configs.digits import digits
from zoo.train import errors, train

RUNS = Path("runs/degradation")
RECORD = Path(zoo.__file__).parent / "families" / "resnet" / "recorded.json"
BATCH_SIZE = 32  # of 1,437 images: 44 steps an epoch, 528 in all
KINDS = ("plain", "resnet")


def measure(model: str, seed: int) -> dict[str, Any]:
    """One run's wrong answers on both sides of the split, from disk if it is done."""
    out = RUNS / f"{model}-{seed}"
    done = out / "result.json"
    if done.exists():
        result: dict[str, Any] = json.loads(done.read_text())
        return result
    start = time.perf_counter()
    run = train(digits(model, batch_size=BATCH_SIZE), seed=seed, out=out)
    result = {
        "model": model,
        "recipe": run.recipe.name,
        "seed": seed,
        "epochs": run.recipe.epochs,
        "batch_size": run.recipe.batch_size,
        "loss": run.history[-1]["loss"],
        "digits/train": errors(run, "digits/train"),
        "digits/test": errors(run, "digits/test"),
        "seconds": round(time.perf_counter() - start, 1),
        "torch": torch.__version__,
        "timm": timm.__version__,
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
    }
    part = done.with_suffix(".part")
    part.write_text(json.dumps(result))
    os.replace(part, done)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--depths", type=int, nargs="+", default=[20, 56, 110])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--write", action="store_true", help="write the record")
    options = parser.parse_args()
    names = [f"{kind}{depth}" for depth in options.depths for kind in KINDS]
    runs = [measure(name, seed) for seed in options.seeds for name in names]
    for run in runs:
        print(run["model"], run["seed"], run["digits/train"], run["digits/test"], run["seconds"])
    if options.write:
        rows = ",\n  ".join(json.dumps(run) for run in runs)
        part = RECORD.with_suffix(".part")
        part.write_text(f'{{"made_by": "eval/degradation.py", "runs": [\n  {rows}\n]}}\n')
        os.replace(part, RECORD)


if __name__ == "__main__":
    main()
