"""Claims against measurements: check."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from zoo.cli.app import Data, Json, app, bars, is_quiet, print_json
from zoo.cli.app import progress as spinner
from zoo.distributed import DEVICES
from zoo.evaluation.config import BACKENDS
from zoo.evaluation.ledger import Ledger
from zoo.reporting import console

if TYPE_CHECKING:
    from rich.progress import TaskID

    from zoo.claims.downloads import Download
    from zoo.claims.plan import PlannedEval
    from zoo.evaluation.spec import EvalSpec


class ProgressBars:
    """Prints the plan, then a bar for each evaluation."""

    def __init__(self, out: Console, quiet: bool, ask: bool = True) -> None:
        self.out, self.quiet, self.ask, self.bars = out, quiet, ask, bars()
        self.task: TaskID | None = None
        self.started = self.to_do = 0

    def downloads(self, planned: "Sequence[Download]") -> None:
        """Show what will be downloaded, and ask once.

        Raises:
            Abort: The answer is no.
        """
        messages = Console(stderr=True) if self.quiet else self.out
        console.downloads(planned, messages)
        if planned and self.ask:
            typer.confirm("Download these?", abort=True, err=True)

    def planned(self, steps: "Sequence[PlannedEval]", seconds: "Mapping[EvalSpec, float]") -> None:
        if not self.quiet:
            console.plan(steps, seconds, self.out)
        self.to_do = sum(step.to_do for step in steps)
        self.bars.start()

    def begins(self, spec: "EvalSpec", samples: int) -> None:
        self._next(f"{spec.name} on {spec.benchmark}", samples)
        self.started += 1

    def advance(self, samples: int) -> None:
        if self.task is not None:
            self.bars.advance(self.task, samples)

    def counting(self, claim: str) -> None:
        self._next(claim, None)
        self.started = self.to_do + 1

    def _next(self, description: str, total: int | None) -> None:
        if self.task is not None:
            self.bars.remove_task(self.task)
        self.task = self.bars.add_task(escape(description), total=total)


@app.command(epilog="The same command resumes with what is not measured yet.")
def check(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Models, weights, patterns, paper ids or arXiv numbers; all by default."
        ),
    ] = None,
    data: Data = None,
    show_all: Annotated[bool, typer.Option("--all", help="Also print claims not run.")] = False,
    device: Annotated[str, typer.Option(help=f"Device to run on: {', '.join(DEVICES)}.")] = "auto",
    precision: Annotated[str, typer.Option(help="Precision: fp32, bf16 or fp16.")] = "fp32",
    fast: Annotated[bool, typer.Option("--fast", help="Short for --precision bf16.")] = False,
    backend: Annotated[
        str, typer.Option(help=f"What runs networks: {', '.join(BACKENDS)}.")
    ] = "eager",
    batch_size: Annotated[
        int, typer.Option(help="Samples per batch; 0 for the task's default.")
    ] = 0,
    workers: Annotated[
        int, typer.Option(help="Processes that decode images; 0 for none beside this.")
    ] = 0,
    limit: Annotated[
        int, typer.Option(help="Evaluate only the first N samples: a smoke run; 0 for all.")
    ] = 0,
    rerun: Annotated[
        bool, typer.Option("--rerun", help="Repeat evaluations that already have a record.")
    ] = False,
    retrain: Annotated[
        bool,
        typer.Option(
            "--retrain",
            help="Train now what a paper's recipe trains in minutes, beside the print.",
        ),
    ] = False,
    skip_broken: Annotated[
        bool, typer.Option("--skip-broken", help="Leave out samples that cannot be read.")
    ] = False,
    processes: Annotated[
        int, typer.Option(help="Fail unless exactly N processes were launched; 0 for any.")
    ] = 0,
    download: Annotated[
        bool,
        typer.Option(
            "--download",
            help="Download what claims need: data, and the first weights; with --all, all.",
        ),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Download without asking, as in a script.")
    ] = False,
    cluster: Annotated[
        str,
        typer.Option(
            help="Ray cluster, each evaluation a task of it: local, auto or HOST:PORT; by default "
            r"none (pip install 'residual-zoo\[cluster]')."
        ),
    ] = "",
    cpus: Annotated[int, typer.Option(help="Cores of each task on a cluster.", min=1)] = 1,
    ledger: Annotated[
        Path | None,
        typer.Option(help="Ledger that records are added to; this machine's by default."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare papers' reported numbers with counts and measurements.

    Measurements are added to a ledger; an interrupted run resumes with the same command.

    Exit code 1 if a number is not reproduced and nothing recorded explains it.
    """
    from zoo.claims.check import check as check_claims
    from zoo.distributed import shutdown
    from zoo.evaluation.cluster import Cluster

    if data is not None and not (data.is_dir() or download):
        raise ValueError(f"--data must be a folder that exists, not {data}")
    if download and not (yes or sys.stdin.isatty()):
        raise ValueError(
            "--download asks before it fetches anything; without a terminal, add --yes"
        )
    out = console.make_console()
    if retrain:
        _retrain(names or [], data, as_json)
        return
    progress = ProgressBars(out, as_json or is_quiet(), ask=not yes)
    precision = "bf16" if fast else precision
    _warn_if_emulated(precision, device)
    try:
        verdicts = check_claims(
            *(names or []),
            data=data,
            device=device,
            limit=limit,
            precision=precision,
            backend=backend,
            batch_size=batch_size,
            workers=workers,
            skip_broken=skip_broken,
            rerun=rerun,
            processes=processes,
            download="all" if download and show_all else download,
            cluster=Cluster(address=cluster, cpus=cpus, device=device) if cluster else None,
            ledger=Ledger(ledger) if ledger else None,
            on_progress=progress,
        )
    except KeyboardInterrupt:
        progress.bars.stop()
        done = f"{max(0, progress.started - 1)} of {progress.to_do} measured"
        sys.stderr.write(f"zoo: interrupted, {done}; run the same command to resume\n")
        raise typer.Exit(130) from None
    finally:
        progress.bars.stop()
        shutdown()
    if as_json:
        print_json(verdicts)
    elif verdicts:
        console.report(verdicts, show_all, out)
    raise typer.Exit(1 if any(verdict.fails for verdict in verdicts) else 0)


def _retrain(names: Sequence[str], data: Path | None, as_json: bool) -> None:
    """Print the verdict on each number that is trained now; exit with 1 if one is missed."""
    from zoo.claims.retraining import retrain

    with spinner() as say:
        verdicts = list(retrain(*names, data=data, on_progress=say))
    if as_json:
        print_json(verdicts)
    else:
        console.report(verdicts, True, console.make_console())
    raise typer.Exit(1 if any(verdict.fails for verdict in verdicts) else 0)


def _warn_if_emulated(precision: str, device: str) -> None:
    from zoo.evaluation.config import is_emulated

    if is_emulated(precision, device):
        sys.stderr.write("zoo: this CPU has no instructions for bf16, so that fp32 is faster\n")
