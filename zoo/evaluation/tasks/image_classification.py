"""Image classification: images in, classes out."""

from collections.abc import Mapping
from typing import Any

from zoo.data.benchmarks import Benchmark
from zoo.evaluation.tasks import Task
from zoo.models._builder import pretrained_cfg
from zoo.papers.protocols import CropProtocol
from zoo.papers.records import Paper
from zoo.papers.weights import Weights

CLASSIFY = """\
import zoo
from PIL import Image

model = zoo.create("{name}", pretrained=True)
image = zoo.transform(model)(Image.open("photo.jpg").convert("RGB"))
print(model(image[None]).softmax(1).topk(5))"""


def from_claim(paper: Paper, protocol: str) -> CropProtocol | None:
    """Return a protocol of ten crops, or of one that says what the weights were trained on; another
    single crop follows the preprocessing of the weights."""
    settings = paper.protocol_settings.get(protocol)
    if not isinstance(settings, CropProtocol):
        return None
    return settings if settings.crops == "ten" or settings.trained_at else None


def evaluator(
    network: Any, samples: Any, protocol: CropProtocol | None, benchmark: Benchmark
) -> Any:
    from zoo.data.transforms import make_transform
    from zoo.evaluation.evaluators.classification import ClassificationEvaluator

    prepare, subset = make_transform(pretrained_cfg(network), protocol), None
    if benchmark.subset:
        from zoo.data.imagenet_shifts import subset_classes

        subset = subset_classes(benchmark.subset)
    if protocol and protocol.pooling == "mean-max":
        from zoo.evaluation.evaluators.mean_max import MeanMaxPooling

        network = MeanMaxPooling(network, protocol.trained_at)
    if hasattr(network, "forward_scored"):
        from zoo.evaluation.evaluators.scored import ScoredEvaluator

        return ScoredEvaluator(network, samples, prepare, subset)
    return ClassificationEvaluator(network, samples, prepare, subset)


def transform(cfg: Mapping[str, Any]) -> Any:
    from zoo.data.transforms import EvalTransform

    return EvalTransform(cfg)


def usage(weights: Weights) -> str:
    return CLASSIFY.format(name=weights.name)


def preprocessing(cfg: Mapping[str, Any]) -> list[str]:
    channels, height, width = cfg["input_size"]
    numbers = {key: ", ".join(f"{n:.6g}" for n in cfg[key]) for key in ("mean", "std")}
    shorter = int(height / cfg["crop_pct"])
    sentences = [
        f"Resized to {shorter} pixels on the shorter side ({cfg['interpolation']}), then the "
        f"{height}x{width} in its center, in {channels} channels.",
        f"Pixels in 0..1, minus the mean ({numbers['mean']}), over the standard deviation "
        f"({numbers['std']}).",
        f"{cfg['num_classes']} classes.",
    ]
    if "test_input_size" in cfg:
        larger, crop = cfg["test_input_size"][1], cfg.get("test_crop_pct", cfg["crop_pct"])
        sentences.append(f"The provider also tests at {larger} pixels, a share of {crop:g}.")
    return sentences


def describe_protocol(protocol: Mapping[str, Any]) -> str:
    if "crop_pct" in protocol:
        return "one center crop, by the preprocessing of the weights"
    sizes = ", ".join(map(str, protocol["shorter"]))
    crops = f"{protocol['crops']} crops" if protocol["crops"] == "ten" else "one center crop"
    pooling = ", mean-max pooling" if protocol.get("pooling") == "mean-max" else ""
    return f"{crops} of {protocol['pixels']} pixels, from a shorter side of {sizes}{pooling}"


TASK = Task(
    name="image-classification",
    summary="classifies images",
    pipeline="image-classification",
    from_claim=from_claim,
    default=lambda cfg: None,
    from_record=lambda protocol: None,
    evaluator=evaluator,
    usage=usage,
    preprocessing=preprocessing,
    describe_protocol=describe_protocol,
    transform=transform,
    has_default=True,
    keeps_predictions=True,
)
