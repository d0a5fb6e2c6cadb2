"""`zoo list`, `zoo show` and `zoo cite`: what the zoo knows. They load no torch."""

import dataclasses
import sys
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Annotated

import typer

from zoo.cli.app import Json, app, complete_model, print_json, unknown
from zoo.models._catalog import Description, datasets_of, describe, list_models
from zoo.models._registry import model_entries
from zoo.models._search import PERMISSIVE
from zoo.papers.loading import load_papers
from zoo.papers.records import Paper
from zoo.reporting.columns import columns, short, tags


@app.command("list")
def list_command(
    pattern: Annotated[str, typer.Argument(help="Shell pattern of names, e.g. 'wrn*'.")] = "*",
    paper: Annotated[str, typer.Option(help="Only models of this paper or arXiv number.")] = "",
    task: Annotated[
        str, typer.Option(help="Only models of this task, e.g. image-classification.")
    ] = "",
    dataset: Annotated[
        str, typer.Option(help="Only models with claims or weights on this data set, e.g. cifar10.")
    ] = "",
    pretrained: Annotated[
        bool,
        typer.Option("--pretrained", help="List weights and their license instead of models."),
    ] = False,
    as_json: Json = False,
) -> None:
    """List models with their size, paper, claims and weights."""
    check_filters(paper, task, dataset)
    names = list_models(pattern, paper=paper, task=task, dataset=dataset, pretrained=pretrained)
    described = [describe(name) for name in names]
    if as_json:
        keys = ("name", "params", "macs", "input_size", "num_classes")
        rights = [{"license": d.weights[0].license} if pretrained else {} for d in described]
        facts = zip(described, rights, strict=True)
        print_json([{key: getattr(d, key) for key in keys} | right for d, right in facts])
        return
    if not names and pattern != "*" and not list_models(pattern):
        raise unknown("model", pattern, model_entries())
    if not names and paper and not list_models(paper=paper):
        raise LookupError(f"{paper} is declared without a network")
    if not names:
        raise LookupError("no model matches all of these options; try `zoo list`")
    last = "license" if pretrained else "weights"
    heads = ("name", "params", "multiply-adds", "input", "paper", "claims", last)
    rows = [
        (
            d.name,
            short(d.params),
            short(d.macs),
            "x".join(map(str, d.input_size)),
            d.paper.arxiv if d.paper else "",
            str(len(d.claims)),
            d.weights[0].license if pretrained else tags(d),
        )
        for d in described
    ]
    sys.stdout.writelines(columns([heads, *rows], right=(1, 2, 3, 5)))


def check_filters(paper: str = "", task: str = "", dataset: str = "", license: str = "") -> None:
    """Raise LookupError with the nearest names for a filter that nothing in the zoo fits."""
    papers = load_papers()
    if paper and paper not in (names := paper_names()):
        raise unknown("paper", paper, names)
    if task and task not in (tasks := sorted({p.task for p in papers})):
        raise unknown("task", task, tasks)
    if dataset and dataset not in (datasets := _datasets(papers)):
        raise unknown("data set", dataset, datasets)
    licenses = {weights.license for p in papers for weights in p.weights} if license else set()
    if license not in ("", PERMISSIVE) and not any(fnmatchcase(each, license) for each in licenses):
        raise unknown("license", license, licenses)


def _datasets(papers: Iterable[Paper]) -> list[str]:
    """Return the data sets of all claims and weights."""
    benchmarks = {claim.benchmark for p in papers for claim in p.claims if claim.benchmark}
    benchmarks |= {name for p in papers for weights in p.weights for name in weights.benchmarks}
    return sorted(datasets_of(benchmarks))


def paper_names() -> list[str]:
    """Every name of a paper: its id, its arXiv number with the version and without."""
    names = (n for p in load_papers() for n in (p.id, p.arxiv, p.arxiv.partition("v")[0]))
    return list(dict.fromkeys(filter(None, names)))


@app.command()
def show(
    name: Annotated[
        str,
        typer.Argument(help="Model (arch) or weights (arch.tag).", autocompletion=complete_model),
    ],
    as_json: Json = False,
) -> None:
    """Show a model: paper, counts, claims, weights, deviations."""
    d = describe(name)
    if as_json:
        values = {f.name: getattr(d, f.name) for f in dataclasses.fields(d)}
        values["paper"] = d.paper and {"title": d.paper.title, "arxiv": d.paper.arxiv}
        print_json(values)
    else:
        _print(d)


def _print(d: Description) -> None:
    from rich.markup import escape

    from zoo.reporting import console

    out = console.make_console()
    args = ", ".join(f"{key}={value!r}" for key, value in d.args.items())
    out.print(f"[bold]{escape(d.name)}[/]  {escape(d.target)}({escape(args)})")
    if d.paper:
        authors = ", ".join(d.paper.authors)
        out.print(f"{escape(d.paper.title)}, {escape(authors)}, {d.paper.year}")
        arxiv = f"arXiv:{d.paper.arxiv}   " if d.paper.arxiv else ""
        out.print(f"{arxiv}code: {d.paper.code}")
    if d.params is not None and d.macs is not None:
        size = "x".join(map(str, d.input_size))
        out.print(f"{d.params:,} parameters, {d.macs:,} multiply-adds at {size}")
    if d.claims:
        out.print(console.claims(d))
    if d.context:
        out.print(console.context(d))
    if d.weights:
        out.print(console.weights(d))
    for deviation in d.deviations:
        out.print(f"deviation {deviation.id}: {escape(deviation.what)}")
        out.print(f"  paper: {escape(deviation.paper)}; why: {escape(deviation.why)}")
    for contradiction in d.contradictions:
        out.print(f"contradiction {contradiction.id}: {escape(contradiction.what)}")
        out.print(f"  {escape(contradiction.resolution)}")
    if d.paper:
        out.print(escape(d.paper.bibtex.strip()), highlight=False)


@app.command()
def cite(
    name: Annotated[
        str,
        typer.Argument(help="Model (arch) or weights (arch.tag).", autocompletion=complete_model),
    ],
    as_json: Json = False,
) -> None:
    """Print the BibTeX entry of a model's paper."""
    paper = describe(name).paper
    if paper is None:
        raise LookupError(f"{name} comes from no paper of the zoo")
    if as_json:
        print_json({"paper": paper.id, "arxiv": paper.arxiv, "bibtex": paper.bibtex.strip()})
        return
    sys.stdout.write(paper.bibtex.strip() + "\n")
