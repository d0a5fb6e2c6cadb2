"""Model cards: card."""

from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.app import app, progress


@app.command()
def card(
    names: Annotated[
        list[str] | None, typer.Argument(help="Weights (arch.tag), architectures, runs, patterns.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Of all weights and runs.")] = False,
    out: Annotated[Path, typer.Option(help="Folder of the cards.")] = Path("model_cards"),
) -> None:
    """Write model cards, from what is recorded alone."""
    from zoo.reporting import cards

    if bool(names) == everything:
        raise ValueError("name weights (zoo card resnet20), or give --all")
    with progress() as advance:
        paths = cards.write(["*"] if everything else names or [], out, advance)
    print("\n".join(map(str, paths)))
