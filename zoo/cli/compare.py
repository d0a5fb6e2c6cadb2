"""`zoo compare`: two papers, two models or two weights beside each other."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from zoo.cli.app import Json, app, complete_model, print_json, progress


@app.command()
def compare(
    left: Annotated[
        str,
        typer.Argument(
            help="Model, weights (arch.tag), paper or arXiv number.", autocompletion=complete_model
        ),
    ],
    right: Annotated[
        str, typer.Argument(help="Another of the same kind.", autocompletion=complete_model)
    ],
    outputs: Annotated[
        bool,
        typer.Option(
            "--outputs", help="Also load both networks' weights, and run them on the same inputs."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare two papers, models or weights: counts, claims, weights, measurements, outputs."""
    from zoo.evaluation import ledger
    from zoo.reporting.comparison import compare as rows_of

    with progress() as advance:
        advance("reading the ledgers")
        records = {
            r["id"]: r for each in (ledger.published(), ledger.own()) for r in each.records()
        }
        rows = rows_of(left, right, records.values())
        if outputs:
            from zoo.hub.output_comparison import compare_outputs

            advance("running both networks")
            rows += compare_outputs(left, right)
    if as_json:
        print_json({"left": left, "right": right, "rows": rows})
        return
    from zoo.reporting.console import make_console

    table = Table("", left, right, title=f"{left} and {right}", title_justify="left")
    for row, before in zip(rows, [None, *rows], strict=False):
        if before and row.section != before.section:
            table.add_section()
        what = row.what if not before or row.what != before.what else ""
        table.add_row(*map(escape, (what, row.left, row.right)))
    make_console().print(table)
