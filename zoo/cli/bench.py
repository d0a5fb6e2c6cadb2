"""`zoo bench residual-streams`: designs beside one another, by training runs of hours."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.app import App, app, progress, require_checkout, unknown

bench = App(no_args_is_help=True, help="Comparisons that take hours in the background.")
app.add_typer(bench, name="bench")


@bench.callback()
def group() -> None:
    """Comparisons that take hours in the background."""


@bench.command("residual-streams")
def residual_streams(
    size: Annotated[str, typer.Option(help="Parameters of each network: 0.5M or 2M.")] = "0.5M",
    seeds: Annotated[str, typer.Option(help="Seeds, separated by commas.")] = "0,1,2,3,4",
    only: Annotated[
        str, typer.Option(help="Designs, separated by commas, e.g. plain,mudd; by default all.")
    ] = "",
    out: Annotated[Path, typer.Option(help="Folder of the runs, which resume there.")] = Path(
        "runs/residual_streams"
    ),
    show: Annotated[
        bool, typer.Option("--show", help="Print the table of what is done; run nothing.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Add the runs to the published ledger, in a checkout.")
    ] = False,
) -> None:
    """Train language models that differ in their residual stream, and compare them.

    An interrupted comparison goes on where it was. Start it as often as there are cores, with
    OMP_NUM_THREADS=1: each process takes runs that no other has taken.
    """
    from zoo.claims.bench.designs import DESIGNS, SIZES
    from zoo.claims.bench.runs import finished
    from zoo.claims.bench.speed import speed_record
    from zoo.claims.bench.table import rows_of
    from zoo.evaluation.environment import checkout_commit
    from zoo.evaluation.training_runs import publish
    from zoo.reporting.bench import EXPLANATION, table
    from zoo.reporting.console import make_console

    if size not in SIZES:
        raise unknown("size", size, SIZES)
    names = _names(only, DESIGNS)
    if write:
        require_checkout("zoo bench residual-streams --write")
    if not show:
        checkout_commit()  # cached: records name the code that was loaded
        try:
            _run(names, size, _seeds(seeds), out)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
    speed = speed_record(SIZES[size], out)
    records = [*finished(out, SIZES[size]), *([speed] if speed else [])]
    console = make_console()
    console.print(table(SIZES[size], rows_of(SIZES[size], records)))
    console.print(EXPLANATION)
    if write:
        publish(records)


def _run(names: list[str], size_name: str, seeds: list[int], out: Path) -> None:
    """Train what is not trained, then measure speed and memory; a line on stderr for each."""
    from zoo.claims.bench.designs import SIZES, TEXT
    from zoo.claims.bench.runs import train_all
    from zoo.claims.bench.speed import measure
    from zoo.evaluation.training_runs import value

    size, total = SIZES[size_name], len(names) * len(seeds)
    for run in train_all(names, size, seeds, out):
        done = "another process is at it"
        if run.record:
            loss, seconds = value(run.record, TEXT, "loss"), run.record["seconds"]
            done = f"{loss:.4f} nats a token, {seconds:,.0f} s"
        typer.echo(f"[{run.number}/{total}] {run.name}, seed {run.seed}: {done}", err=True)
    with progress() as advance:
        for step in measure(names, size, out):
            advance(f"speed and memory: {step}")


def _names(text: str, known: Iterable[str]) -> list[str]:
    """Return the designs of --only, all without one. Raises LookupError for an unknown one."""
    names = [name.strip() for name in text.split(",")] if text else [*known]
    for name in names:
        if name not in known:
            raise unknown("design", name, known)
    return names


def _seeds(text: str) -> list[int]:
    try:
        return [int(seed) for seed in text.split(",")]
    except ValueError:
        raise ValueError(f"--seeds are numbers separated by commas, not {text!r}") from None
