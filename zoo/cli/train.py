"""`zoo train`: train by a recipe."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zoo.cli.app import Data, app

if TYPE_CHECKING:
    pass


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="FILE.py:NAME, e.g. configs/digits.py:resnet20.")],
    out: Annotated[Path, typer.Option(help="Folder of the run; an interrupted one goes on.")],
    seed: int = 0,
    data: Data = None,
) -> None:
    """Train by a recipe, or go on with a run that was interrupted."""
    from zoo.training import load_recipe
    from zoo.training import train as train_by

    run = train_by(load_recipe(recipe), seed=seed, out=out, data=data)
    run.accelerator.print(f"the weights are in {out / 'model.safetensors'}")
    run.accelerator.end_training()
