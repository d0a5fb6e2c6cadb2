"""Images with noise in, without out."""

from collections.abc import Mapping
from functools import partial
from typing import Any

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


def job(network: Any, samples: Any, protocol: DenoisingProtocol, benchmark: str) -> Any:
    from zoo.data.denoising import sigma
    from zoo.evaluation.evaluators.denoising import DenoisingEvaluator

    return DenoisingEvaluator(network, samples, protocol, sigma(benchmark))


def usage(weights: Weights) -> str:
    channels = get_entry(weights.model).cfg["input_size"][0]
    return RESTORE.format(name=weights.name, mode="L" if channels == 1 else "RGB")


def preprocessing(cfg: Mapping[str, Any]) -> list[str]:
    colour = "grey" if cfg["input_size"][0] == 1 else "RGB"
    return [
        f"The network takes {colour} pixels in 0..1 with their noise, neither clipped nor rounded, "
        "of images of any size, and gives the same without it.",
        "PSNR and SSIM are of all pixels, without a border cut off.",
    ]


def told(how: Mapping[str, Any]) -> str:
    scored = "rounded to whole values" if how["rounded"] else "not rounded"
    return f"noise of seed {how['seed']}, not clipped; what is scored is {scored}"


TASK = Task(
    name="denoising",
    does="takes noise from images",
    pipeline="image-to-image",
    script="denoising",
    works="restorations",
    claimed=protocol_of_paper,
    own=lambda cfg: DenoisingProtocol(),
    recorded=partial(from_record, DenoisingProtocol),
    job=job,
    usage=usage,
    preprocessing=preprocessing,
    told=told,
)
