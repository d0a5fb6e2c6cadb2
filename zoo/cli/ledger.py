"""`zoo ledger list, show, verify, merge`: recorded results. `zoo ledger NAME` is list."""

import sys
from enum import StrEnum
from fnmatch import fnmatchcase
from glob import has_magic
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from zoo.claims.verdict import PRINTED_IN
from zoo.cli.app import App, Json, app, print_json, progress, unknown
from zoo.cli.catalog import paper_names
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
from zoo.papers.records import UNITLESS
from zoo.reporting.console import make_console

SHOWN = 1000  # records of a table for people
HELP = "Recorded results. `zoo ledger NAMES` is short for `zoo ledger list NAMES`."


class Kind(StrEnum):
    """Kinds of records."""

    evaluation = "evaluation"
    training = "training"
    speed = "speed"


class ListByDefault(typer.core.TyperGroup):
    """A group whose verb is `list` unless the first argument is another verb."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        has_verb = args[:1] and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if has_verb else ["list", *args])


ledger = App(cls=ListByDefault, help=HELP)
app.add_typer(ledger, name="ledger")

Published = Annotated[
    bool, typer.Option("--published", help="Only the ledger that comes with the zoo.")
]
Own = Annotated[bool, typer.Option("--own", help="Only this machine's ledger.")]
Folder = Annotated[Path | None, typer.Option("--ledger", help="Only the ledger in this folder.")]


@ledger.command("list")
def list_command(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Models, weights, papers, arXiv numbers, patterns; all by default."),
    ] = None,
    model: Annotated[str, typer.Option(help="Only models of this pattern, e.g. 'resnet*'.")] = "",
    benchmark: Annotated[
        str, typer.Option(help="Only benchmarks of this pattern, e.g. 'digits/*'.")
    ] = "",
    paper: Annotated[str, typer.Option(help="Only models of this paper or arXiv number.")] = "",
    kind: Annotated[Kind | None, typer.Option(help="Only records of this kind.")] = None,
    since: Annotated[
        str, typer.Option(help="Only records from this day (UTC) on.", metavar="DATE")
    ] = "",
    device: Annotated[str, typer.Option(help="Only devices of this pattern, e.g. '*H200*'.")] = "",
    last: Annotated[
        bool, typer.Option("--last", help="Only the latest of records that differ by date alone.")
    ] = False,
    only_published: Published = False,
    only_own: Own = False,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """List recorded results."""
    about: list[set[str]] = [{p for name in names for p in _patterns(name)}] if names else []
    about += [{model}] if model else []
    about += [_models_of(paper)] if paper else []
    known = _records(only_published, only_own, folder)
    chosen = queries.find(
        known, about=about, benchmark=benchmark, kind=kind or "", since=since, device=device
    )
    chosen = queries.latest_per_subject(chosen) if last else chosen
    if as_json:
        print_json(chosen)
        return
    if not chosen:
        _raise_nearest(names or [], benchmark, known)
    make_console().print(_table(chosen[-SHOWN:]))
    if len(chosen) > SHOWN:
        print(f"the last {SHOWN:,} of {len(chosen):,} records; --json has them all")


def _raise_nearest(names: list[str], benchmark: str, known: list[Record]) -> None:
    """Raise LookupError for an empty list, with the nearest names where one is unknown."""
    benchmarks = sorted({b for record in known for b in queries.benchmarks(record)})
    if benchmark and benchmarks and not any(fnmatchcase(b, benchmark) for b in benchmarks):
        raise unknown("benchmark of a record", benchmark, benchmarks)
    subjects = sorted({n for record in known for n in queries.names(record)} | {*list_models()})
    for name in names:
        if not has_magic(name) and not _patterns(name) & {*subjects}:
            raise unknown("model", name, subjects)
    raise LookupError("no record matches; `zoo ledger` lists them all")


@ledger.command()
def show(
    record: Annotated[str, typer.Argument(help="First characters of the id.", metavar="ID")],
    only_published: Published = False,
    only_own: Own = False,
    folder: Folder = None,
) -> None:
    """Show one record, as it stands in its file."""
    chosen = [r for r in _records(only_published, only_own, folder) if r["id"].startswith(record)]
    if not chosen:
        raise LookupError(f"no record has an id that starts with {record!r}")
    if len(chosen) > 1:
        ids = ", ".join(r["id"][:12] for r in chosen[:3])
        raise LookupError(f"{len(chosen)} records have ids that start with {record!r}: {ids}, ...")
    sys.stdout.write(records.text(chosen[0]))


@ledger.command()
def verify(
    only_published: Published = False,
    only_own: Own = False,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Verify that every record is valid, in its place, and as it was added.

    Exit code 1 if one is not. Of the published ledger, length and last id are pinned; of others the
    last id is printed: compare it with an earlier one to notice records missing at the end.
    """
    results: list[dict[str, Any]] = []
    for each in _ledgers(only_published, only_own, folder):
        result: dict[str, Any] = {"folder": str(each.folder), "records": 0, "last": "", "error": ""}
        try:
            with progress() as advance:
                advance(f"{each.folder}")
                count = result["records"] = each.verify()
            result["last"] = each.last if count else ""
            last = f", the last is {each.last}" if count else ""
            if not as_json:
                print(f"{each.folder}: {count:,} {'record' if count == 1 else 'records'}{last}")
        except LedgerError as error:
            print(f"zoo: {error}", file=sys.stderr)
            result["error"] = str(error)
        results.append(result)
    if as_json:
        print_json(results)
    raise typer.Exit(1 if any(result["error"] for result in results) else 0)


@ledger.command("merge")
def merge_command(
    source: Annotated[Path, typer.Argument(help="Folder of the other ledger.", metavar="DIR")],
    folder: Annotated[
        Path | None, typer.Option("--ledger", help="Ledger to add to; this machine's by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Add the records of another ledger to this machine's."""
    target = Ledger(folder) if folder else own()
    added = len(merge(_existing(source), target))
    count = len(Ledger(source).paths)
    if as_json:
        print_json({"added": added, "records": count, "folder": str(target.folder)})
        return
    print(f"{added:,} of {count:,} records of {source} were added to {target.folder}")


def _ledgers(only_published: bool, only_own: bool, folder: Path | None) -> list[Ledger]:
    if only_published + only_own + (folder is not None) > 1:
        raise ValueError("--published, --own and --ledger exclude one another; give one of them")
    if folder is not None:
        return [_existing(folder)]
    return [*([] if only_own else [published()]), *([] if only_published else [own()])]


def _existing(folder: Path) -> Ledger:
    if not folder.is_dir():
        raise ValueError(f"a ledger is a folder that exists, not {folder}")
    return Ledger(folder)


def _records(*options: Any) -> list[Record]:
    """Return all records of the chosen ledgers; one that is in both, once."""
    everything = (record for each in _ledgers(*options) for record in each.records())
    return list({record["id"]: record for record in everything}.values())


def _patterns(name: str) -> set[str]:
    """Return a name as patterns: a paper or an arXiv number stands for all its models."""
    return _models_of(name) if name in paper_names() else {name}


def _models_of(paper: str) -> set[str]:
    """Return a paper's models. Raises LookupError."""
    names = set(list_models(paper=paper))
    if not names and paper not in paper_names():
        raise unknown("paper", paper, paper_names())
    if not names:
        raise LookupError(f"{paper} is declared without a network: no record can be of it")
    return names


def _table(chosen: list[Record]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("date", "what", "on", "scores", "precision", "device", "commit", "id"):
        table.add_column(title, overflow="fold", no_wrap=title in ("date", "id"))
    for record in chosen:
        day, time = record["date"].rstrip("Z").split("T")
        right = (
            record.get("precision", ""),
            record["device"],
            record["commit"][:7] + ("+" if record["commit"].endswith("+changes") else ""),
            record["id"][:12],
        )
        left = (f"{day} {time[:5]}", queries.subject(record))
        for benchmark, scores in _scores(record):
            table.add_row(*map(escape, (*left, benchmark, scores, *right)))
            left, right = ("", ""), ("", "", "", "")
    return table


def _scores(record: Record) -> list[tuple[str, str]]:
    """Return (benchmark, its scores) of a record."""
    if "rows" in record:
        return [("", f"speed: {len(record['rows'])} rows, {record['rounds']} rounds")]
    by_benchmark = {name: entry["scores"] for name, entry in record.get("benchmarks", {}).items()}
    by_benchmark |= {record["benchmark"]: record["scores"]} if "benchmark" in record else {}
    return [
        (name, "\n".join(_score(metric, score) for metric, score in scores.items()))
        for name, scores in by_benchmark.items()
    ]


def _score(metric: str, score: dict[str, Any]) -> str:
    digits, unit = (4, "") if metric in UNITLESS else (2, PRINTED_IN.get(metric, " %"))
    limits = ", ".join(f"{limit:.{digits}f}" for limit in score.get("interval", ()))
    return f"{metric} {score['value']:.{digits}f}{unit}" + (f" [{limits}]" if limits else "")
