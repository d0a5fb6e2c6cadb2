"""`zoo restore`: image files without their noise, haze, rain or snow."""

from typing import Annotated

import typer

from zoo.cli.app import Json, app
from zoo.cli.upscale import Images, Output, SelfEnsemble, Tile, Weights, process
from zoo.inference import image_paths

AGAIN = "Images that are done stay; the same command restores all again."


@app.command("denoise", epilog=AGAIN, hidden=True)  # the name that others look for
@app.command(epilog=AGAIN)
def restore(
    images: Images,
    output: Output = None,
    model: Annotated[
        str,
        typer.Option(help="Denoiser, e.g. dncnn_tiny (noise), ridnet (noise), gridformer (snow)."),
    ] = "dncnn_tiny",
    weights: Weights = None,
    tile: Tile = None,
    self_ensemble: SelfEnsemble = False,
    as_json: Json = False,
) -> None:
    """Remove noise, haze, rain or snow from images, as the model has learned; the size stays.

    A file that fails is named, and the exit code is 1 after the others. A model for grey images
    takes the channels of a colour image one by one.
    """
    jobs = image_paths.plan(images, output, 1, ending="_restored")
    from zoo.inference import restoration

    network = restoration.load(model, weights)
    process(jobs, network, 1, tile, self_ensemble, as_json=as_json, done="restored")
