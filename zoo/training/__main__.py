"""python -m zoo.training FILE.py[:NAME] --out DIR: for accelerate launch and torchrun."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from zoo.distributed import shutdown
from zoo.training import errors, load_recipe, train
from zoo.training.loop import EVERY


def main(
    recipe: Annotated[str, typer.Argument(help="FILE.py:NAME, or FILE.py with one recipe.")],
    out: Annotated[Path | None, typer.Option(help="runs/NAME-SEED by default.")] = None,
    seed: int = 0,
    data: Annotated[Path | None, typer.Option(envvar="ZOO_DATA", help="Folder of data.")] = None,
    every: Annotated[int, typer.Option(help="Steps between checkpoints of an epoch.")] = EVERY,
    shard: Annotated[bool, typer.Option("--shard", help="Split among the processes.")] = False,
    test: Annotated[str, typer.Option(help="A split to be judged on at the end.")] = "",
) -> None:
    """Train by a recipe, or go on with a run that was interrupted."""
    chosen = load_recipe(recipe)
    where = out or Path("runs") / f"{chosen.name}-{seed}"
    run = train(chosen, seed=seed, out=where, data=data, every=every, shard=shard)
    run.accelerator.print(f"the weights are in {where / 'model.safetensors'}")
    if test:
        wrong, total = errors(run, test, data)
        run.accelerator.print(f"{100 - 100 * wrong / total:.2f} % of {total:,} right on {test}")


if __name__ == "__main__":
    try:
        typer.run(main)
    except (ValueError, LookupError, OSError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    finally:
        shutdown()
