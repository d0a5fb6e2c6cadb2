"""`zoo dev`: verbs for the zoo's maintainers, in a checkout."""

from typing import Annotated

import typer

from zoo.cli.app import App, app
from zoo.models._registry import default_weights, parse_name

dev = App(no_args_is_help=True, help="Verbs for the zoo's maintainers, in a checkout.")
app.add_typer(dev, name="dev")


@dev.callback()
def group() -> None:
    """Verbs for the zoo's maintainers, in a checkout."""


@dev.command()
def pin(
    names: Annotated[list[str], typer.Argument(help="Weights on the Hub that were loaded here.")],
) -> None:
    """Pin weights: write the commit and sha256 locked here into the paper's timm_weights.json."""
    from zoo.hub.pinning import pin_weights

    for name in names:
        _, weights = parse_name(name)
        pin = pin_weights(weights or default_weights(name))
        print(f"{name}: pinned at {pin.revision}, sha256 {pin.sha256}")
