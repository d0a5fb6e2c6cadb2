"""`zoo upscale` and `zoo score`: super-resolution of image files."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from zoo.cli.app import Json, app, bars, print_json
from zoo.inference import image_paths


@app.command()
def upscale(
    images: Annotated[list[Path], typer.Argument(help="Image files, or folders of them.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="File to write, or a folder for several images."),
    ] = None,
    model: Annotated[
        str, typer.Option(help="Super-resolution model, e.g. rcan_tiny, carn_m, rcan_x4.")
    ] = "rcan_tiny",
    scale: Annotated[int, typer.Option(help="Factor of width and height.", min=1)] = 2,
    weights: Annotated[
        Path | None, typer.Option(help="Safetensors file of the model, made by `zoo convert`.")
    ] = None,
    tile: Annotated[
        int | None,
        typer.Option(help="Tile size in pixels; by default what fits in free memory.", min=1),
    ] = None,
    self_ensemble: Annotated[
        bool, typer.Option("--self-ensemble", help="Average eight orientations: slower, better.")
    ] = False,
) -> None:
    """Upscale images; a file that fails is named, and the exit code is 1 after the others."""
    jobs = image_paths.plan(images, output, scale)
    from zoo.inference import image_files, upscaling

    network = upscaling.load(model, scale, weights)
    failures = 0
    with bars() as bar:
        task = bar.add_task("")

        def on_progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        options: dict[str, Any] = {"self_ensemble": self_ensemble, "on_progress": on_progress}
        for source, target in jobs:
            bar.update(task, description=escape(source.name))
            try:
                size = image_files.upscale_file(
                    source, target, network, scale, tile=tile, **options
                )
            except (ValueError, FloatingPointError) as error:
                if len(jobs) == 1:
                    raise
                failures += 1
                print(f"zoo: {error}", file=sys.stderr)
            else:
                print(f"{target}: {size[0]}x{size[1]}")
    if failures:
        print(f"zoo: {failures} of {len(jobs)} images were not upscaled", file=sys.stderr)
        raise typer.Exit(1)


@app.command()
def score(
    sr: Annotated[Path, typer.Option(help="Folder of super-resolved images.")],
    hr: Annotated[Path, typer.Option(help="Folder of the originals, under the same names.")],
    scale: Annotated[
        int, typer.Option(help="Scale; as many pixels of each edge are left out.", min=1)
    ],
    as_json: Json = False,
) -> None:
    """Score super-resolved images as papers do: PSNR and SSIM on Y, without the border."""
    from zoo.evaluation.evaluators.super_resolution import mean_scores, score_folders

    scores = score_folders(sr, hr, scale)
    mean = mean_scores(scores)
    if as_json:
        images = {name: value._asdict() for name, value in scores.items()}
        print_json({"scale": scale, "images": images, "mean": mean._asdict()})
        return
    table = Table("image", "PSNR (dB)", "SSIM")
    for name, value in [*scores.items(), (f"mean of {len(scores)}", mean)]:
        table.add_row(escape(name), f"{value.psnr:.2f}", f"{value.ssim:.4f}")
    Console().print(table)
