"""Maintainers' commands."""

from typing import TYPE_CHECKING, Annotated

import typer

from zoo.cli.app import app
from zoo.models._registry import default_weights, parse_name

if TYPE_CHECKING:
    pass


@app.command()
def pin(
    names: Annotated[list[str], typer.Argument(help="Weights that were loaded here.")],
) -> None:
    """Write commit and sha256 of weights on the Hub, as locked here, into the room (timm_weights.json)."""
    from zoo.hub.pinning import pin_weights

    for name in names:
        _, weights = parse_name(name)
        found = pin_weights(weights or default_weights(name))
        print(f"{name}: pinned at {found.revision}, sha256 {found.sha256}")
