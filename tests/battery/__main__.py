"""`python -m tests.battery [NAMES] [--checks forward,export]`: what each check says, in a table."""

from collections import Counter
from fnmatch import filter as matching
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tests.battery.networks import stand_in
from tests.battery.run import CHECKS, Result, describe, run
from zoo.models._registry import model_entries


def size(result: Result) -> str:
    return "whole" if result.whole else "stand-in"


def table(results: list[Result]) -> Table:
    """A row for each check: names that passed whole, by their stand-in, were skipped, failed."""
    counts = Counter(
        (r.check, "failed" if r.error else "skipped" if r.skipped else size(r)) for r in results
    )
    columns = ("whole", "stand-in", "skipped", "failed")
    seconds: Counter[str] = Counter()
    for result in results:
        seconds[result.check] += result.seconds
    rows = Table("check", *columns, "seconds")
    for check in CHECKS:
        if any((check, column) in counts for column in columns):
            rows.add_row(
                check, *(str(counts[check, column]) for column in columns), f"{seconds[check]:.0f}"
            )
    return rows


def main(
    patterns: Annotated[list[str] | None, typer.Argument(help="Names or patterns; all.")] = None,
    checks: Annotated[str, typer.Option(help="Names of checks, with commas.")] = ",".join(CHECKS),
) -> None:
    """Run all of the battery and print what failed, which networks were reduced, and the counts."""
    names = [n for p in patterns or ["*"] for n in matching(model_entries(), p)]
    asked = checks.split(",")
    if unknown := sorted(set(asked) - set(CHECKS)):
        raise typer.BadParameter(f"{', '.join(unknown)}; the checks are {', '.join(CHECKS)}")
    if not names:
        raise typer.BadParameter(f"no model is called {', '.join(patterns or [])}")
    console = Console(soft_wrap=True)
    results = run(names, asked, console.print, thorough=True)
    for name in names:
        args = ", ".join(f"{key}={value}" for key, value in stand_in(name).args.items())
        console.print(f"{name}: {args or 'as it is'}")
    for result in results:
        if result.error:
            console.print(describe(result), markup=False)
    console.print(table(results))
    raise SystemExit(any(result.error for result in results))


if __name__ == "__main__":
    typer.run(main)
