"""What was measured before: ledger list, show, verify, merge. `zoo ledger NAME` is list."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from zoo.cli.app import Json, app, print_json, progress
from zoo.evaluation.ledger import (
    Ledger,
    LedgerError,
    Record,
    merge,
    own,
    published,
    queries,
    records,
)
from zoo.models._catalog import list_models
from zoo.models._registry import suggest
from zoo.papers.loading import load_papers
from zoo.papers.records import UNITLESS

SHOWN = 1000  # records of a table for people
HELP = "What was measured, once and for all. `zoo ledger NAMES` is `zoo ledger list NAMES`."


class Kind(StrEnum):
    """Of a record."""

    evaluation = "evaluation"
    training = "training"
    speed = "speed"


class Group(typer.core.TyperGroup):
    """What is no verb of the ledger is for `list`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        verb = args[:1] and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if verb else ["list", *args])


ledger = typer.Typer(cls=Group, help=HELP)
app.add_typer(ledger, name="ledger")

Published = Annotated[bool, typer.Option("--published", help="Only what comes with the zoo.")]
Own = Annotated[bool, typer.Option("--own", help="Only what this machine measured.")]
Folder = Annotated[Path | None, typer.Option("--ledger", help="Only the ledger of this folder.")]


@ledger.command("list")
def list_command(
    names: Annotated[list[str] | None, typer.Argument(help="Models, weights, rooms.")] = None,
    model: Annotated[str, typer.Option(help="Pattern, e.g. 'resnet*'.")] = "",
    benchmark: Annotated[str, typer.Option(help="Pattern, e.g. 'digits/*'.")] = "",
    paper: Annotated[str, typer.Option(help="Room or arXiv number.")] = "",
    kind: Annotated[Kind | None, typer.Option()] = None,
    since: Annotated[str, typer.Option(help="Not before this day (UTC).", metavar="DATE")] = "",
    device: Annotated[str, typer.Option(help="Pattern, e.g. '*H200*'.")] = "",
    last: Annotated[
        bool, typer.Option("--last", help="Only the last, of several alike but for the date.")
    ] = False,
    only_published: Published = False,
    only_own: Own = False,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """List what was measured."""
    about: list[set[str]] = [{p for name in names for p in _patterns(name)}] if names else []
    about += [{model}] if model else []
    about += [_networks(paper)] if paper else []
    found = queries.find(
        _records(only_published, only_own, folder),
        about=about,
        benchmark=benchmark,
        kind=kind or "",
        since=since,
        device=device,
    )
    found = queries.latest_per_subject(found) if last else found
    if as_json:
        print_json(found)
        return
    if not found:
        raise LookupError("no record is like this; `zoo ledger` lists all that there are")
    Console().print(_table(found[-SHOWN:]))
    if len(found) > SHOWN:
        print(f"the last {SHOWN:,} of {len(found):,} records; --json has them all")


@ledger.command()
def show(
    record: Annotated[str, typer.Argument(help="The first digits of its id.", metavar="ID")],
    only_published: Published = False,
    only_own: Own = False,
    folder: Folder = None,
) -> None:
    """Show one record, as it stands in its file."""
    found = [r for r in _records(only_published, only_own, folder) if r["id"].startswith(record)]
    if not found:
        raise LookupError(f"no record has an id that starts with {record!r}")
    if len(found) > 1:
        ids = ", ".join(r["id"][:12] for r in found[:3])
        raise LookupError(f"{len(found)} records have ids that start with {record!r}: {ids}, ...")
    sys.stdout.write(records.text(found[0]))


@ledger.command()
def verify(only_published: Published = False, only_own: Own = False, folder: Folder = None) -> None:
    """Open every record: whether each is valid, in its place and as it was added.

    Exit code 1 if one is not. That the last ones were taken away shows in the last id alone.
    """
    broken = False
    for chosen in _ledgers(only_published, only_own, folder):
        try:
            with progress() as advance:
                advance(f"{chosen.folder}")
                count = chosen.verify()
            last = f", the last is {chosen.last}" if count else ""
            print(f"{chosen.folder}: {count:,} {'record' if count == 1 else 'records'}{last}")
        except LedgerError as error:
            print(f"zoo: {error}", file=sys.stderr)
            broken = True
    raise typer.Exit(1 if broken else 0)


@ledger.command("merge")
def merge_command(
    source: Annotated[Path, typer.Argument(help="The other ledger's folder.", metavar="DIR")],
    folder: Annotated[Path | None, typer.Option("--ledger", help="To this one.")] = None,
) -> None:
    """Add the records of another ledger to one's own."""
    target = Ledger(folder) if folder else own()
    added = len(merge(_there(source), target))
    count = len(Ledger(source).paths)
    print(f"{added:,} of {count:,} records of {source} were added to {target.folder}")


def _ledgers(only_published: bool, only_own: bool, folder: Path | None) -> list[Ledger]:
    if only_published + only_own + (folder is not None) > 1:
        raise ValueError("--published, --own and --ledger exclude one another; give one of them")
    if folder is not None:
        return [_there(folder)]
    return [*([] if only_own else [published()]), *([] if only_published else [own()])]


def _there(folder: Path) -> Ledger:
    if not folder.is_dir():
        raise ValueError(f"a ledger is a folder that exists, not {folder}")
    return Ledger(folder)


def _records(*which: Any) -> list[Record]:
    """All records of the ledgers; one that stands in both, once."""
    found = (record for chosen in _ledgers(*which) for record in chosen.records())
    return list({record["id"]: record for record in found}.values())


def _patterns(name: str) -> set[str]:
    """A name as patterns: a room or an arXiv number is all its networks."""
    rooms = {n for p in load_papers() for n in (p.id, p.arxiv, p.arxiv.partition("v")[0])}
    return _networks(name) if name and name in rooms else {name}


def _networks(paper: str) -> set[str]:
    """The networks of a room."""
    found = set(list_models(paper=paper))
    if not found:
        near = suggest(paper, [p.id for p in load_papers()])
        raise LookupError(f"no room is called {paper!r}; the nearest are {near}")
    return found


def _table(found: list[Record]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("date", "what", "on", "scores", "precision", "device", "commit", "id"):
        table.add_column(title, overflow="fold", no_wrap=title in ("date", "id"))
    for record in found:
        day, time = record["date"].rstrip("Z").split("T")
        last = (
            record.get("precision", ""),
            record["device"],
            record["commit"][:7] + ("+" if record["commit"].endswith("+changes") else ""),
            record["id"][:12],
        )
        first = (f"{day} {time[:5]}", queries.subject(record))
        for on, scores in _scores(record):
            table.add_row(*map(escape, (*first, on, scores, *last)))
            first, last = ("", ""), ("", "", "", "")
    return table


def _scores(record: Record) -> list[tuple[str, str]]:
    """The scores of a record by what they are on."""
    if "rows" in record:
        return [("", f"{len(record['rows'])} rows, {record['rounds']} rounds")]
    found = {name: entry["scores"] for name, entry in record.get("benchmarks", {}).items()}
    found |= {record["benchmark"]: record["scores"]} if "benchmark" in record else {}
    return [
        (name, "\n".join(_score(metric, score) for metric, score in scores.items()))
        for name, scores in found.items()
    ]


def _score(metric: str, score: dict[str, Any]) -> str:
    digits, unit = (4, "") if metric in UNITLESS else (2, " %")
    unit = " dB" if metric == "psnr" else unit
    limits = ", ".join(f"{limit:.{digits}f}" for limit in score.get("interval", ()))
    return f"{metric} {score['value']:.{digits}f}{unit}" + (f" [{limits}]" if limits else "")
