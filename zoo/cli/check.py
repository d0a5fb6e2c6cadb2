"""Whether it holds: check."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from zoo.cli.app import Data, Json, app, bars, print_json
from zoo.evaluation import ledger
from zoo.reporting import console


class Bars:
    """The plan, printed; then a bar for each work, and one for all of them by their samples."""

    def __init__(self, out: Console, quiet: bool) -> None:
        self.out, self.quiet, self.shown = out, quiet, bars()
        self.task: Any = None
        self.done = self.works = 0

    def planned(self, steps: Sequence[Any], seconds: Mapping[Any, float]) -> None:
        if not self.quiet:
            console.plan(steps, seconds, self.out)
        self.works = sum(step.to_do for step in steps)
        self.shown.start()

    def begins(self, tried: Any, samples: int) -> None:
        self._next(f"{tried.name} on {tried.benchmark}", samples)
        self.done += 1

    def advance(self, samples: int) -> None:
        if self.task is not None:
            self.shown.advance(self.task, samples)

    def counting(self, what: str) -> None:
        self._next(what, None)
        self.done = self.works

    def _next(self, what: str, total: int | None) -> None:
        if self.task is not None:
            self.shown.remove_task(self.task)
        self.task = self.shown.add_task(escape(what), total=total)


@app.command()
def check(
    names: Annotated[list[str] | None, typer.Argument(help="Models, rooms, arXiv numbers.")] = None,
    data: Data = None,
    everything: Annotated[bool, typer.Option("--all", help="Also rows that were not run.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    precision: Annotated[str, typer.Option(help="fp32, bf16 or fp16.")] = "fp32",
    fast: Annotated[bool, typer.Option("--fast", help="As --precision bf16.")] = False,
    batch_size: Annotated[int, typer.Option(help="0: what suits the task.")] = 0,
    workers: Annotated[int, typer.Option(help="Processes that decode images.")] = 0,
    limit: Annotated[int, typer.Option(help="A try with the first samples alone.")] = 0,
    again: Annotated[bool, typer.Option("--again", help="Measure what was measured.")] = False,
    skip_broken: Annotated[bool, typer.Option("--skip-broken", help="Leave them out.")] = False,
    processes: Annotated[int, typer.Option(help="How many there have to be.")] = 0,
    folder: Annotated[Path | None, typer.Option("--ledger", help="Where records go.")] = None,
    as_json: Json = False,
) -> None:
    """Hold the papers' claims against what is counted and measured now, or was before.

    What is measured goes into a ledger; interrupted, the same command goes on. Exit code 1 when a
    claim is missed and nothing recorded explains it.
    """
    from zoo.claims.check import check as check_claims
    from zoo.distributed import shutdown

    if data is not None and not data.is_dir():
        raise ValueError(f"--data must be a folder that exists, not {data}")
    out = Console()
    watch = Bars(out, as_json)
    into = ledger.Ledger(folder) if folder else ledger.own()
    options: dict[str, Any] = {"device": device, "batch_size": batch_size}
    options["precision"] = "bf16" if fast else precision
    warn(options["precision"], device)
    options |= {"workers": workers, "limit": limit, "again": again, "skip_broken": skip_broken}
    try:
        rows = check_claims(
            *(names or []), data=data, watch=watch, processes=processes, ledger=into, **options
        )
    except KeyboardInterrupt:
        watch.shown.stop()
        done = f"{max(0, watch.done - 1)} of {watch.works} measured"
        sys.stderr.write(f"zoo: interrupted, {done}; the same command goes on from there\n")
        raise typer.Exit(130) from None
    finally:
        watch.shown.stop()
        shutdown()
    if as_json:
        print_json(rows)
    elif rows:
        console.report(rows, everything, out)
    raise typer.Exit(1 if any(row.fails for row in rows) else 0)


def warn(precision: str, device: str) -> None:
    """Says so if fp32 would be faster."""
    from zoo.evaluation.config import emulated

    if emulated(precision, device):
        sys.stderr.write("zoo: this CPU has no instructions for bf16, so that fp32 is faster\n")
