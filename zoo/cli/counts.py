"""`zoo counts`: counts.json of each paper."""

from typing import Annotated

import typer

from zoo.cli.app import app, progress, require_checkout, unknown
from zoo.models._registry import model_entries


@app.command()
def counts(
    papers: Annotated[
        list[str] | None, typer.Argument(help="Papers, by their folder; all by default.")
    ] = None,
) -> None:
    """Count parameters, multiply-adds and layers, and write each paper's counts.json."""
    require_checkout("zoo counts")
    from zoo.claims.counts import write_counts

    folders = list(dict.fromkeys(e.family.rpartition(".")[2] for e in model_entries().values()))
    for paper in papers or folders:
        if paper not in folders:
            raise unknown("paper", paper, folders)
        with progress() as advance:
            advance(f"counting {paper}")
            number = write_counts(paper)
        print(f"{paper}: {number} counts")
