"""Super-resolution: small images in, large images out."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from zoo.data.benchmarks import BENCHMARKS, Benchmark
from zoo.evaluation.tasks import Task, protocol_of_paper
from zoo.papers.protocols import SuperResolutionProtocol, from_record
from zoo.papers.weights import Weights

UPSCALE = """\
import zoo
from PIL import Image

small = Image.open("photo.jpg")
large = zoo.upscale(small, "{name}", scale={scale})
large.save("large.png")"""


def evaluator(
    network: Any, samples: Any, protocol: SuperResolutionProtocol, benchmark: Benchmark
) -> Any:
    from zoo.evaluation.evaluators.super_resolution import SuperResolutionEvaluator

    return SuperResolutionEvaluator(network, samples, protocol, benchmark.scale)


def usage(weights: Weights) -> str:
    scale = min(BENCHMARKS[name].scale for name in weights.benchmarks)
    return UPSCALE.format(name=weights.name, scale=scale)


def preprocessing(cfg: Mapping[str, Any]) -> list[str]:
    return [
        "The network takes RGB images of any size with pixels in 0..1, and returns the same; grey "
        "images are repeated in three channels.",
        "PSNR and SSIM are computed on Y of YCbCr, with `scale` pixels cut off at each edge.",
    ]


def describe_protocol(protocol: Mapping[str, Any]) -> str:
    small = {"bi": "bicubically", "bd": "by blur and decimation"}[protocol["degradation"]]
    colour = {"rgb": "in RGB", "y": "of Y alone"}[protocol["colour"]]
    ensemble = ", self-ensemble of eight" if protocol["ensemble"] else ""
    chop = ", by forward_chop" if protocol["chop"] else ""
    scored = ", scored in RGB" if protocol.get("scored") == "rgb" else ""
    return f"small images made {small} (MATLAB's way), {colour}{chop}{ensemble}{scored}"


TASK = Task(
    name="super-resolution",
    summary="upscales images",
    pipeline="image-to-image",
    from_claim=protocol_of_paper,
    default=lambda cfg: SuperResolutionProtocol(),
    from_record=partial(from_record, SuperResolutionProtocol),
    evaluator=evaluator,
    usage=usage,
    preprocessing=preprocessing,
    describe_protocol=describe_protocol,
)
