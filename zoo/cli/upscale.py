"""Photographs: upscale, score."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from zoo.cli.app import Json, app, bars, print_json


@app.command()
def upscale(
    images: Annotated[list[Path], typer.Argument(help="Photographs, or folders of them.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A file, or a folder for several.")
    ] = None,
    model: Annotated[str, typer.Option(help="e.g. rcan_tiny, carn_m, rcan_x4.")] = "rcan_tiny",
    scale: Annotated[int, typer.Option(help="How many times as wide and as high.")] = 2,
    weights: Annotated[
        Path | None, typer.Option(help="A safetensors file of `zoo convert`, for the model.")
    ] = None,
    tile: Annotated[int | None, typer.Option(help="Pixels; from free memory by default.")] = None,
    plus: Annotated[bool, typer.Option(help="Mean of eight positions: slower, better.")] = False,
) -> None:
    """Make photographs larger."""
    from zoo.inference import upscaling

    jobs = upscaling.plan(images, output, scale)
    network = upscaling.load(model, scale, weights)
    with bars() as shown:
        task = shown.add_task("")
        for file, to in jobs:
            shown.update(task, description=escape(file.name))

            def advance(done: int, total: int) -> None:
                shown.update(task, completed=done, total=total)

            options = {"tile": tile, "plus": plus, "advance": advance}
            width, height = upscaling.upscale_file(file, to, network, scale, **options)
            print(f"{to}: {width}x{height}")


@app.command()
def score(
    sr: Annotated[Path, typer.Option(help="Folder of enlarged images.")],
    hr: Annotated[Path, typer.Option(help="Folder of the true ones, under the same names.")],
    scale: Annotated[int, typer.Option(help="So many pixels of each edge are left out.")],
    as_json: Json = False,
) -> None:
    """Score enlarged images as papers do: PSNR and SSIM on Y, a border cut off."""
    from zoo.evaluation.evaluators.super_resolution import mean_scores, score_folders

    found = score_folders(sr, hr, scale)
    mean = mean_scores(found)
    if as_json:
        scores = {name: value._asdict() for name, value in found.items()}
        print_json({"scale": scale, "images": scores, "mean": mean._asdict()})
        return
    table = Table("image", "PSNR (dB)", "SSIM")
    for name, value in [*found.items(), (f"mean of {len(found)}", mean)]:
        table.add_row(escape(name), f"{value.psnr:.2f}", f"{value.ssim:.4f}")
    Console().print(table)
