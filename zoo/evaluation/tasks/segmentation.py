"""Segmentation: images in, a mask of each class out."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from zoo.data.benchmarks import Benchmark
from zoo.evaluation.tasks import Task, protocol_of_paper
from zoo.models._registry import get_entry
from zoo.papers.protocols import SegmentationProtocol, from_record
from zoo.papers.weights import Weights

SEGMENT = """\
import zoo
from PIL import Image
from torchvision.transforms.v2.functional import to_image

model = zoo.create("{name}", pretrained=True)
image = to_image(Image.open("photo.png").convert("{mode}"))[None] / 255
masks = model(image).sigmoid() > 0.5"""


def evaluator(
    network: Any, samples: Any, protocol: SegmentationProtocol, benchmark: Benchmark
) -> Any:
    from zoo.evaluation.evaluators.segmentation import SegmentationEvaluator

    return SegmentationEvaluator(network, samples, protocol)


def usage(weights: Weights) -> str:
    channels = get_entry(weights.model).cfg["input_size"][0]
    return SEGMENT.format(name=weights.name, mode="L" if channels == 1 else "RGB")


def preprocessing(cfg: Mapping[str, Any]) -> list[str]:
    colour = "Grey" if cfg["input_size"][0] == 1 else "RGB"
    masks = "one mask" if cfg["classes"] == 1 else f"{cfg['classes']} masks"
    return [f"{colour} pixels in 0..1, of images of any size; {masks}, in logits."]


def describe_protocol(protocol: Mapping[str, Any]) -> str:
    return (
        f"pixels of a probability above {protocol['threshold']:g}, on whole images; IoU and Dice "
        "of each image, averaged"
    )


TASK = Task(
    name="segmentation",
    summary="segments images",
    pipeline="image-segmentation",
    from_claim=protocol_of_paper,
    default=lambda cfg: SegmentationProtocol(),
    from_record=partial(from_record, SegmentationProtocol),
    evaluator=evaluator,
    usage=usage,
    preprocessing=preprocessing,
    describe_protocol=describe_protocol,
)
