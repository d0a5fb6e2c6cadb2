"""Denoising: noisy images in, clean images out."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from zoo.data.benchmarks import Benchmark
from zoo.evaluation.tasks import Task, protocol_of_paper
from zoo.models._registry import get_entry
from zoo.papers.protocols import DenoisingProtocol, from_record
from zoo.papers.weights import Weights

RESTORE = """\
import zoo
from PIL import Image
from torchvision.transforms.v2.functional import to_image

model = zoo.create("{name}", pretrained=True)
noisy = to_image(Image.open("photo.png").convert("{mode}"))[None] / 255
clean = model(noisy)"""


def evaluator(network: Any, samples: Any, protocol: DenoisingProtocol, benchmark: Benchmark) -> Any:
    from zoo.evaluation.evaluators.denoising import DenoisingEvaluator, degradation

    return DenoisingEvaluator(network, samples, protocol, degradation(benchmark, protocol))


def usage(weights: Weights) -> str:
    channels = get_entry(weights.model).cfg["input_size"][0]
    return RESTORE.format(name=weights.name, mode="L" if channels == 1 else "RGB")


def preprocessing(cfg: Mapping[str, Any]) -> list[str]:
    colour = "grey" if cfg["input_size"][0] == 1 else "RGB"
    return [
        f"The network takes {colour} pixels in 0..1 with noise, neither clipped nor rounded, in "
        "images of any size, and returns them without noise.",
        "PSNR and SSIM are computed on all pixels, or, where images were shrunk by `scale` and "
        "upscaled, on Y, with `scale` pixels cut off at each edge.",
    ]


def describe_protocol(protocol: Mapping[str, Any]) -> str:
    rounding = "rounded, but for upscaled images" if protocol["rounded"] else "not rounded"
    matlab = protocol.get("generator") == "matlab"
    generator = "MATLAB's old generator" if matlab else "NumPy's generator"
    return (
        f"noise, if any, of seed {protocol['seed']} of {generator}, not clipped; output {rounding}"
    )


TASK = Task(
    name="denoising",
    summary="denoises images",
    pipeline="image-to-image",
    from_claim=protocol_of_paper,
    default=lambda cfg: DenoisingProtocol(generator="matlab"),
    from_record=partial(from_record, DenoisingProtocol),
    evaluator=evaluator,
    usage=usage,
    preprocessing=preprocessing,
    describe_protocol=describe_protocol,
)
