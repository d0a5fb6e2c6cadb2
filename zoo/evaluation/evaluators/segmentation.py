"""Segmentation: intersection over union, and Dice, of the masks that a network finds.

image -> network -> logits -> masks, against the true ones -> (index, name, counts of each class)
"""

from collections.abc import Iterator
from math import log
from statistics import mean
from typing import Any

from torch import Tensor, nn

from zoo.data.segmentation import MaskedImage
from zoo.evaluation.answer_log import Prediction
from zoo.evaluation.engine import Batch, Predictions
from zoo.evaluation.evaluators.network import NetworkEvaluator
from zoo.evaluation.samples import (
    NonFiniteOutputError,
    UnreadableSampleError,
    read_sample,
    sample_name,
)
from zoo.models._builder import pretrained_cfg
from zoo.papers.protocols import SegmentationProtocol

Counts = tuple[int, int, int]  # pixels in both masks, in the network's, in the true one


def overlap(counts: Counts) -> tuple[float, float]:
    """Return intersection over union, and Dice, in percent; 100 of two empty masks.

    Example:
        >>> overlap((2, 3, 5))
        (33.333333333333336, 50.0)
    """
    both, predicted, actual = counts
    if not predicted + actual:
        return 100.0, 100.0
    return 100 * both / (predicted + actual - both), 200 * both / (predicted + actual)


class SegmentationEvaluator(NetworkEvaluator):
    """A network on whole images; both scores are means over images, and over classes in each."""

    batch_size = 1

    def __init__(self, network: nn.Module, samples: Any, protocol: SegmentationProtocol) -> None:
        self.network, self.samples, self.size = network, samples, len(samples)
        self.cfg = pretrained_cfg(network)
        self.limit = log(protocol.threshold / (1 - protocol.threshold))  # of a logit

    def load(self, index: int) -> tuple[str, Tensor, Tensor]:
        """Return (name, pixels, masks). Raises UnreadableSampleError for channels or classes that
        the network does not have."""
        image: MaskedImage = read_sample(self.samples, index)
        pixels, masks = image.tensors()
        sizes = len(pixels), len(masks)
        expected = self.cfg["input_size"][0], self.cfg["classes"]
        if sizes != expected:
            raise UnreadableSampleError(
                f"{sample_name(self.samples, index)} has (channels, classes) {sizes}, the network "
                f"{expected}"
            )
        return image.name, pixels, masks

    def predict(self, batch: Batch) -> Iterator[Prediction]:
        for index, (name, pixels, masks) in batch:
            with self.autocast:
                logits = self.network(pixels[None].to(self.device))[0].float().cpu()
            if not logits.isfinite().all():
                raise NonFiniteOutputError(name)
            pairs = zip(logits > self.limit, masks, strict=True)
            yield (
                index,
                name,
                [[int(area.sum()) for area in (a & b, a, b)] for a, b in pairs],
            )

    def compute(self, predictions: Predictions) -> dict[str, Any]:
        images: dict[str, dict[str, float]] = {}
        for _, (name, classes) in sorted(predictions.items()):
            pairs = zip(*(overlap(counts) for counts in classes), strict=True)
            images[name] = dict(zip(("iou", "dice"), map(mean, pairs), strict=True))
        scores = {
            metric: {"value": mean(image[metric] for image in images.values())}
            for metric in ("iou", "dice")
        }
        return {"samples": len(images), "scores": scores, "parts": images}
