"""`zoo search`: models by words, size, data and license. Loads no torch."""

import re
import sys
from typing import Annotated

import typer

from zoo.cli.app import Json, app, print_json, unknown
from zoo.cli.catalog import check_filters
from zoo.models._registry import model_entries
from zoo.models._search import Match
from zoo.models._search import search as search_catalog
from zoo.reporting.columns import columns, short

SIZES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}


def _count(text: str) -> int:
    """Parse a count: 1.5M is 1,500,000."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMG]?)", text.upper())
    if not match:
        raise typer.BadParameter(f"a count is a number with K, M or G, such as 1.5M, not {text!r}")
    return int(float(match[1]) * SIZES[match[2]])


@app.command()
def search(
    text: Annotated[
        list[str] | None,
        typer.Argument(help="Words of a name, a title, an author, a year; all models by default."),
    ] = None,
    paper: Annotated[str, typer.Option(help="Only models of this paper or arXiv number.")] = "",
    dataset: Annotated[
        str, typer.Option(help="Only models with claims or weights on this data set, e.g. cifar10.")
    ] = "",
    task: Annotated[
        str, typer.Option(help="Only models of this task, e.g. image-classification.")
    ] = "",
    min_params: Annotated[
        int | None,
        typer.Option(
            help="Parameters at least, e.g. 100K; any by default.", parser=_count, metavar="COUNT"
        ),
    ] = None,
    max_params: Annotated[
        int | None,
        typer.Option(
            help="Parameters at most, e.g. 1.5M; any by default.", parser=_count, metavar="COUNT"
        ),
    ] = None,
    max_macs: Annotated[
        int | None,
        typer.Option(
            help="Multiply-adds at most, e.g. 4G; any by default.", parser=_count, metavar="COUNT"
        ),
    ] = None,
    license: Annotated[
        str,
        typer.Option(help="Only weights of this license (a pattern), or permissive for products."),
    ] = "",
    has_weights: Annotated[
        bool, typer.Option("--has-weights", help="Only models with weights.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Search models by words, size, data set, task, and the license of their weights."""
    check_filters(paper, task, dataset, license)
    words = " ".join(text or [])
    matches = search_catalog(
        words,
        paper=paper,
        task=task,
        dataset=dataset,
        min_params=min_params or 0,
        max_params=max_params,
        max_macs=max_macs,
        license=license,
        has_weights=has_weights,
    )
    if as_json:
        print_json([_to_dict(match) for match in matches])
    elif matches:
        heads = ("name", "params", "multiply-adds", "paper", "year", "weights (license)")
        sys.stdout.writelines(columns([heads, *map(_row, matches)], right=(1, 2)))
    elif words and not search_catalog(words):
        raise unknown("model", words, model_entries())
    else:
        raise LookupError("no model matches all of these options; leave one out")


def _to_dict(match: Match) -> dict[str, object]:
    d = match.description
    return {
        "name": d.name,
        "params": d.params,
        "macs": d.macs,
        "paper": d.paper.id if d.paper else None,
        "weights": [
            {"name": w.name, "license": w.license, "benchmarks": w.benchmarks}
            for w in match.weights
        ],
    }


def _row(match: Match) -> tuple[str, ...]:
    d, weights = match.description, match.weights
    named = [f"{w.tag} ({w.license})" for w in weights[:2]]
    more = f" and {len(weights) - 2} more" if len(weights) > 2 else ""
    paper, year = (d.paper.id, str(d.paper.year)) if d.paper else ("", "")
    return d.name, short(d.params), short(d.macs), paper, year, ", ".join(named) + more
