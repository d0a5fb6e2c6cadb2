"""`zoo train`: train by a recipe."""

from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.app import Data, app, is_quiet
from zoo.distributed import DEVICES


@app.command(epilog="The same command resumes from the last checkpoint.")
def train(
    recipe: Annotated[str, typer.Argument(help="FILE.py:NAME, e.g. configs/digits.py:resnet20.")],
    out: Annotated[Path, typer.Option(help="Folder of the run; an interrupted run resumes.")],
    seed: Annotated[int, typer.Option(help="Seed of the run.", min=0, max=2**32 - 1)] = 0,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the data; the recipe's by default.", min=1)
    ] = None,
    lr: Annotated[
        float | None, typer.Option(help="Highest learning rate; the recipe's by default.")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Samples per step; the recipe's by default.", min=1)
    ] = None,
    device: Annotated[
        str, typer.Option(help=f"Device to train on: {', '.join(DEVICES)}.")
    ] = "auto",
    data: Data = None,
) -> None:
    """Train a network by a recipe, or resume an interrupted run.

    A run with other epochs, rate or batch size than the recipe's is named after them, in its
    weights and records: it is no run by the paper.
    """
    from zoo.training import load_recipe, override
    from zoo.training import train as run_training

    chosen = override(load_recipe(recipe), epochs=epochs, lr=lr, batch_size=batch_size)
    try:
        run = run_training(chosen, seed=seed, out=out, data=data, quiet=is_quiet(), device=device)
    except KeyboardInterrupt:
        if is_quiet():
            raise
        raise typer.Exit(130) from None  # the run has said how it resumes
    run.accelerator.print(f"the weights are in {out / 'model.safetensors'}")
    run.accelerator.end_training()
