"""`zoo upscale` and `zoo score`: super-resolution of image files."""

import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from zoo.cli.app import Json, app, bars, print_json
from zoo.inference import image_paths
from zoo.reporting.console import make_console

Images = Annotated[list[Path], typer.Argument(help="Image files, or folders of them.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        help="File to write, or a folder for several images; by default beside the image.",
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(help="Safetensors file, made by `zoo convert`; by default the model's weights."),
]
Tile = Annotated[
    int | None,
    typer.Option(help="Tile size in pixels; by default what fits in free memory.", min=1),
]
SelfEnsemble = Annotated[
    bool, typer.Option("--self-ensemble", help="Average eight orientations: slower, better.")
]


@app.command(epilog="Images that are done stay; the same command upscales all again.")
def upscale(
    images: Images,
    output: Output = None,
    model: Annotated[
        str, typer.Option(help="Super-resolution model, e.g. rcan_tiny, carn_m, rcan_x4.")
    ] = "rcan_tiny",
    scale: Annotated[
        int | None,
        typer.Option(help="Factor of width and height; by default the model's, else 2.", min=1),
    ] = None,
    weights: Weights = None,
    tile: Tile = None,
    self_ensemble: SelfEnsemble = False,
    as_json: Json = False,
) -> None:
    """Upscale images; a file that fails is named, and the exit code is 1 after the others."""
    if scale is None:  # rcan_x4, or rcan_x4.tag
        own = re.search(r"_x(\d+)$", model.partition(".")[0])
        scale = int(own[1]) if own else 2
    jobs = image_paths.plan(images, output, scale)
    from zoo.inference import upscaling

    network = upscaling.load(model, scale, weights)
    process(jobs, network, scale, tile, self_ensemble, as_json=as_json, done="upscaled")


def process(
    jobs: list[tuple[Path, Path]],
    network: Any,
    scale: int,
    tile: int | None,
    self_ensemble: bool,
    *,
    as_json: bool,
    done: str,
) -> None:
    """Upscale or restore files, and print those that are written; `done` is the verb."""
    from zoo.inference import image_files

    written: list[dict[str, Any]] = []
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
                print(f"zoo: {error}", file=sys.stderr)
            else:
                written.append({"file": str(target), "width": size[0], "height": size[1]})
                if not as_json:
                    print(f"{target}: {size[0]}x{size[1]}")
    if as_json:
        print_json(written)
    if failures := len(jobs) - len(written):
        print(f"zoo: {failures} of {len(jobs)} images were not {done}", file=sys.stderr)
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
    make_console().print(table)
