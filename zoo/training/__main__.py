"""python -m zoo.training FILE.py[:NAME] --out DIR: for accelerate launch and torchrun."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from zoo.distributed import shutdown
from zoo.training import load_recipe, train
from zoo.training.error_count import count_errors
from zoo.training.loop import CHECKPOINT_EVERY


def main(
    recipe: Annotated[str, typer.Argument(help="FILE.py:NAME, or FILE.py with one recipe.")],
    out: Annotated[Path | None, typer.Option(help="Folder; runs/NAME-SEED by default.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the run.")] = 0,
    data: Annotated[
        Path | None,
        typer.Option(
            envvar="ZOO_DATA",
            help="Folder with one folder per data set; by default bundled data alone.",
        ),
    ] = None,
    checkpoint_every: Annotated[
        int, typer.Option(help="Steps between checkpoints within an epoch.")
    ] = CHECKPOINT_EVERY,
    shard: Annotated[
        bool, typer.Option("--shard", help="Split the network among the processes.")
    ] = False,
    test: Annotated[
        str,
        typer.Option(
            help="Benchmark to evaluate on at the end, e.g. cifar10/test; none by default."
        ),
    ] = "",
) -> None:
    """Train by a recipe, or resume an interrupted run."""
    chosen = load_recipe(recipe)
    out = out or Path("runs") / f"{chosen.name}-{seed}"
    try:
        run = train(
            chosen, seed=seed, out=out, data=data, checkpoint_every=checkpoint_every, shard=shard
        )
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    run.accelerator.print(f"the weights are in {out / 'model.safetensors'}")
    if test:
        wrong, total = count_errors(run, test, data)
        run.accelerator.print(f"{100 - 100 * wrong / total:.2f} % of {total:,} right on {test}")


command = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
command.command()(main)

if __name__ == "__main__":
    try:
        command()
    except (ValueError, LookupError, OSError, ImportError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    finally:
        shutdown()
