"""Small images in, large ones out."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from zoo.evaluation.tasks import Task, protocol_of_paper
from zoo.papers.protocols import SuperResolutionProtocol, from_record
from zoo.papers.weights import Weights

ENLARGE = """\
import zoo
from PIL import Image

small = Image.open("photo.jpg")
large = zoo.upscale(small, "{name}", scale={scale})
large.save("large.png")"""


def job(network: Any, samples: Any, protocol: SuperResolutionProtocol, benchmark: str) -> Any:
    from zoo.data.super_resolution import settings
    from zoo.evaluation.evaluators.super_resolution import SuperResolutionEvaluator

    return SuperResolutionEvaluator(network, samples, protocol, settings(benchmark)[2])


def usage(weights: Weights) -> str:
    scales = {int(b.rpartition("_x")[2]) for b in weights.benchmarks}
    return ENLARGE.format(name=weights.name, scale=min(scales))


def preprocessing(cfg: Mapping[str, Any]) -> list[str]:
    return [
        "The network takes RGB pixels in 0..1, of any size, and gives the same; grey images are "
        "repeated.",
        "PSNR and SSIM are of Y of YCbCr, as many pixels as the scale cut off at each edge.",
    ]


def told(how: Mapping[str, Any]) -> str:
    small = {"bi": "bicubically", "bd": "by blur and decimation"}[how["degradation"]]
    colour = {"rgb": "in RGB", "y": "of Y alone"}[how["colour"]]
    eight = ", mean of eight positions" if how["ensemble"] else ""
    chop = ", in overlapping quarters" if how["chop"] else ""
    return f"small images made {small} (MATLAB's way), {colour}{chop}{eight}"


TASK = Task(
    name="super-resolution",
    does="enlarges images",
    pipeline="image-to-image",
    script="super_resolution",
    works="enlargements",
    claimed=protocol_of_paper,
    own=lambda cfg: SuperResolutionProtocol(),
    recorded=partial(from_record, SuperResolutionProtocol),
    job=job,
    usage=usage,
    preprocessing=preprocessing,
    told=told,
)
