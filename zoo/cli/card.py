"""`zoo card`: model cards."""

from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.app import app, progress, require


@app.command()
def card(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Weights (arch.tag), architectures, training runs, or patterns; else --all."
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Write the cards of all weights and training runs.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder to write the cards to.")] = Path("model_cards"),
) -> None:
    """Write model cards from recorded results."""
    require("jinja2", "report", "`zoo card`")
    from zoo.reporting import cards

    if bool(names) == everything:
        raise ValueError("name weights (zoo card resnet20), or give --all")
    with progress() as advance:
        paths = cards.write(["*"] if everything else names or [], out, advance)
    print("\n".join(map(str, paths)))
