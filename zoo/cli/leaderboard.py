"""`zoo leaderboard`: the numbers on a benchmark, the best first."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from zoo.cli.app import Json, app, complete_benchmark, print_json, progress, unknown
from zoo.data.benchmarks import BENCHMARKS
from zoo.reporting.columns import columns, short


@app.command()
def leaderboard(
    benchmark: Annotated[
        str, typer.Argument(help="Benchmark, e.g. cifar10/test.", autocompletion=complete_benchmark)
    ],
    metric: Annotated[
        str, typer.Option(help="Metric to rank by; by default that of most numbers.")
    ] = "",
    limit: Annotated[
        int, typer.Option(help="Number of rows of each table; 0 for all.", min=0)
    ] = 20,
    as_json: Json = False,
) -> None:
    """Rank what was measured on a benchmark, and apart from it what papers print."""
    from zoo.evaluation import ledger
    from zoo.reporting.leaderboard import leaderboard as rank

    if benchmark not in BENCHMARKS:
        raise unknown("benchmark", benchmark, BENCHMARKS)
    with progress() as advance:
        advance("reading the ledgers")
        records = {
            r["id"]: r for each in (ledger.published(), ledger.own()) for r in each.records()
        }
        board = rank(benchmark, records.values(), metric)
    if as_json:
        print_json(board)
        return
    title = f"{board.metric}{f' ({board.unit.strip()})' if board.unit else ''}"
    measured = [
        (
            f"{entry.value:.4g}",
            "-".join(f"{limit:.4g}" for limit in entry.interval) if entry.interval else "",
            entry.weights,
            short(entry.params),
            entry.license,
            entry.protocol,
            entry.record[:12],
        )
        for entry in board.measured
    ]
    heads = (title, "95 %", "weights", "params", "license", "protocol", "record")
    _table(f"measured on {benchmark}", heads, measured, limit)
    printed = [
        (
            entry.value,
            entry.model + (f" [{entry.variant}]" if entry.variant else ""),
            short(entry.params),
            entry.paper,
            entry.where,
            entry.aggregation,
        )
        for entry in board.printed
    ]
    heads_printed = (title, "model", "params", "paper", "where", "aggregation")
    _table("printed in papers", heads_printed, printed, limit)


def _table(title: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]], limit: int) -> None:
    more = f", the best {limit}" if 0 < limit < len(rows) else ""
    print(f"{title}: {len(rows)}{more}")
    if rows:
        sys.stdout.writelines(columns([heads, *rows[: limit or None]], right=(0,)))
    print()
