"""Causes of a differing score: diagnose."""

import dataclasses
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from zoo.cli.app import Data, Json, app, bars, print_json
from zoo.reporting.console import make_console

if TYPE_CHECKING:
    from zoo.claims.diagnosis import Explanation

Triple = tuple[float, float, float] | None


@app.command("explain", hidden=True)
@app.command()
def diagnose(
    name: Annotated[str, typer.Argument(help="Weights: arch.tag, arch, or FILE.safetensors.")],
    benchmark: Annotated[
        str, typer.Option(help="Benchmark, such as digits/test; by default the weights' first.")
    ] = "",
    reported: Annotated[
        str, typer.Option(help="Number to explain, as it was printed; by default the paper's.")
    ] = "",
    metric: Annotated[
        str,
        typer.Option(help="Metric: accuracy, error, psnr, ...; by default that of the number."),
    ] = "",
    data: Data = None,
    mean: Annotated[
        Triple,
        typer.Option(help="Mean of the input of a classifier from a file; by default the model's."),
    ] = None,
    std: Annotated[
        Triple,
        typer.Option(help="Standard deviation of that input, per channel; by default the model's."),
    ] = None,
    args: Annotated[str, typer.Option(help="Arguments of the network, as JSON.")] = "{}",
    groups: Annotated[
        list[str] | None,
        typer.Option(
            "--group",
            help="Group of causes to try, such as normalisation; repeatable; by default all.",
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option(help="Evaluate only N samples, spread evenly; 0 for all.", min=0)
    ] = 0,
    pairs: Annotated[
        int, typer.Option(help="Pairs of causes to try if no single one fits.", min=0)
    ] = 10,
    as_json: Json = False,
) -> None:
    """Explain a differing score: try known causes on the same weights.

    Exit code 1 if a --reported number is given and no cause explains it.
    """
    from zoo.claims.diagnosis import explain

    preprocessing = {key: value for key, value in (("mean", mean), ("std", std)) if value}
    with bars() as progress:
        task = progress.add_task("correct score", total=None)
        explanation = explain(
            name,
            benchmark,
            reported or None,
            metric,
            data,
            args=parse_args(args),
            preprocessing=preprocessing,
            groups=groups or [],
            limit=limit,
            pairs=pairs,
            on_progress=lambda done, total, cause: progress.update(
                task, completed=done, total=total, description=escape(cause)
            ),
        )
    if as_json:
        fields = {f.name: getattr(explanation, f.name) for f in dataclasses.fields(explanation)}
        derived = {"explained": explanation.explained, "sentence": explanation.sentence}
        print_json(fields | derived)
    else:
        _print(explanation, make_console())
    raise typer.Exit(0 if explanation.explained else 1)


def parse_args(text: str) -> dict[str, Any]:
    """Parse arguments of a network. Raises ValueError unless they are a JSON object."""
    try:
        args = json.loads(text)
    except ValueError:
        args = None
    if not isinstance(args, dict):
        raise ValueError(f"""--args is a JSON object like '{{"padding": "both"}}', not {text!r}""")
    return args


def _print(explanation: "Explanation", out: Console) -> None:
    e = explanation
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("what these weights score ...", overflow="fold")
    table.add_column(e.metric, justify="right", no_wrap=True)
    table.add_column("difference", justify="right", no_wrap=True)
    table.add_column("")
    table.add_row("as they should", e.format(e.score), "", "fits" if e.fits else "")
    for result in e.tried:
        verdict = "[green]explains it[/]" if result in e.causes else ""
        score, difference = e.format(result.score), e.format(result.difference, "+")
        table.add_row(escape(result.cause), score, difference, verdict)
    samples = f"{e.samples} of {e.whole}" if e.samples < e.whole else e.whole
    out.print(f"[bold]{escape(e.name)}[/] on {e.benchmark}, {samples} {e.unit}")
    out.print(table)
    if e.without_effect:
        out.print(f"[dim]no effect: {escape('; '.join(e.without_effect))}[/]")
    for label, items in (("not tried", e.not_tried), ("broken", e.broken)):
        for item in items:
            out.print(f"[dim]{label}: {escape(item)}[/]")
    out.print(escape(e.sentence))
