"""Why a number differs: explain."""

import dataclasses
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from zoo.cli.app import Data, Json, app, bars, print_json

if TYPE_CHECKING:
    from zoo.claims.diagnosis import Explanation

Triple = tuple[float, float, float] | None


@app.command()
def explain(
    name: Annotated[str, typer.Argument(help="arch.tag, arch, or FILE.safetensors.")],
    on: Annotated[str, typer.Option(help="A benchmark, e.g. digits/test.")] = "",
    number: Annotated[str, typer.Option(help="What was got instead, as printed.")] = "",
    metric: Annotated[str, typer.Option(help="accuracy, error, psnr, ssim, loss, ...")] = "",
    data: Data = None,
    mean: Annotated[Triple, typer.Option(help="Of the weights, if the zoo has not theirs.")] = None,
    std: Annotated[Triple, typer.Option(help="Likewise.")] = None,
    args: Annotated[str, typer.Option(help="Of the network, as JSON.")] = "{}",
    groups: Annotated[
        list[str] | None, typer.Option("--group", help="Only such causes, e.g. normalisation.")
    ] = None,
    limit: Annotated[int, typer.Option(help="Samples, spread evenly; 0: all.", min=0)] = 0,
    pairs: Annotated[int, typer.Option(help="Tried if no cause alone is it.", min=0)] = 10,
    as_json: Json = False,
) -> None:
    """Why a number differs: try the known causes on the same weights.

    Exit code 1 when a --number is given and none of them explains it.
    """
    from zoo.claims import diagnosis

    constants = {key: value for key, value in (("mean", mean), ("std", std)) if value}
    with bars() as shown:
        task = shown.add_task("as it should be", total=None)
        found = diagnosis.explain(
            name,
            on,
            number or None,
            metric,
            data,
            args=_arguments(args),
            preprocessing=constants,
            groups=groups or [],
            limit=limit,
            pairs=pairs,
            advance=lambda done, total, what: shown.update(
                task, completed=done, total=total, description=escape(what)
            ),
        )
    if as_json:
        fields = {f.name: getattr(found, f.name) for f in dataclasses.fields(found)}
        print_json({**fields, "explained": found.explained, "sentence": found.sentence})
    else:
        _print(found, Console())
    raise typer.Exit(0 if found.explained else 1)


def _arguments(text: str) -> dict[str, Any]:
    """Arguments of a network. Raises ValueError for what is no JSON object."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"""--args is a JSON object like '{{"padding": "both"}}', not {text!r}""")
    return found


def _print(found: "Explanation", out: Console) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("what these weights score ...", overflow="fold")
    table.add_column(found.metric, justify="right", no_wrap=True)
    table.add_column("against ours", justify="right", no_wrap=True)
    table.add_column("")
    table.add_row("as they should", found.shown(found.score), "", "fits" if found.fits else "")
    for tried in found.tried:
        verdict = "[green]explains it[/]" if tried in found.causes else ""
        score, moved = found.shown(tried.score), found.shown(tried.difference, "+")
        table.add_row(escape(tried.cause), score, moved, verdict)
    seen = f"{found.samples} of {found.whole}" if found.samples < found.whole else found.whole
    out.print(f"[bold]{escape(found.name)}[/] on {found.benchmark}, {seen} {found.unit}")
    out.print(table)
    if found.without_effect:
        out.print(f"[dim]no effect: {escape('; '.join(found.without_effect))}[/]")
    for what, those in (("not tried", found.not_tried), ("broken", found.broken)):
        for one in those:
            out.print(f"[dim]{what}: {escape(one)}[/]")
    out.print(escape(found.sentence))
