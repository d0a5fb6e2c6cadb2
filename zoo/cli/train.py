"""`zoo train`: train by a recipe."""

from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.app import Data, app


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="FILE.py:NAME, e.g. configs/digits.py:resnet20.")],
    out: Annotated[Path, typer.Option(help="Folder of the run; an interrupted run resumes.")],
    seed: Annotated[int, typer.Option(help="Seed of the run.", min=0, max=2**32 - 1)] = 0,
    data: Data = None,
) -> None:
    """Train a network by a recipe, or resume an interrupted run."""
    from zoo.training import load_recipe
    from zoo.training import train as run_training

    try:
        run = run_training(load_recipe(recipe), seed=seed, out=out, data=data)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    run.accelerator.print(f"the weights are in {out / 'model.safetensors'}")
    run.accelerator.end_training()
