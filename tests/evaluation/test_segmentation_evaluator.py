"""The evaluator of masks: IoU and Dice of known masks, thresholds, inputs that do not fit."""

from typing import Any

import numpy as np
import pytest
from torch import Tensor, nn

from zoo.data.segmentation import MaskedImage
from zoo.evaluation import tasks
from zoo.evaluation.engine import evaluate
from zoo.evaluation.evaluators.segmentation import SegmentationEvaluator
from zoo.papers.protocols import SegmentationProtocol

TASK = tasks.TASKS["segmentation"]


class Logits(nn.Module):
    """The logit of each pixel's own value, for each class."""

    def __init__(self, classes: int = 1, channels: int = 1) -> None:
        super().__init__()
        self.classes = classes
        cfg = {"input_size": (channels, 96, 96), "classes": classes}
        vars(self)["pretrained_cfg"] = cfg

    def forward(self, x: Tensor) -> Tensor:
        return x.logit(eps=1e-6).repeat(1, self.classes, 1, 1)


def image(name: str, pixels: list[list[int]], *masks: list[list[int]]) -> MaskedImage:
    return MaskedImage(name, np.array(pixels, np.uint8), np.array(masks, bool))


def scores(network: Any, samples: Any, threshold: float = 0.5) -> dict[str, Any]:
    protocol = SegmentationProtocol(threshold=threshold)
    return evaluate(SegmentationEvaluator(network, samples, protocol))


def test_scores_are_means_over_images() -> None:
    half = image("half", [[255, 255, 0, 0]], [[1, 0, 0, 1]])  # one of three, two of four
    right = image("right", [[255, 0]], [[1, 0]])
    result = scores(Logits(), [half, right])
    assert result["parts"]["half"] == {"iou": pytest.approx(100 / 3), "dice": pytest.approx(50)}
    assert result["scores"]["iou"]["value"] == pytest.approx((100 / 3 + 100) / 2)
    assert result["scores"]["dice"]["value"] == pytest.approx(75)
    assert result["samples"] == 2


def test_two_empty_masks_agree() -> None:
    assert scores(Logits(), [image("none", [[0, 0]], [[0, 0]])])["scores"]["iou"]["value"] == 100


def test_scores_of_classes_are_averaged() -> None:
    result = scores(Logits(2), [image("two", [[255, 0]], [[1, 0]], [[0, 1]])])
    assert result["parts"]["two"] == {"iou": 50, "dice": 50}


@pytest.mark.parametrize(("threshold", "iou"), [(0.3, 50), (0.5, 100)])
def test_threshold_is_of_the_probability(threshold: float, iou: float) -> None:
    grey = image("grey", [[255, 102]], [[1, 0]])  # probabilities 1 and 0.4
    assert scores(Logits(), [grey], threshold)["scores"]["iou"]["value"] == iou


@pytest.mark.parametrize("network", [Logits(classes=2), Logits(channels=3)])
def test_image_of_other_channels_or_classes_raises(network: Logits) -> None:
    with pytest.raises(ValueError, match=r"sample 0 has \(channels, classes\) \(1, 1\), the netw"):
        scores(network, [image("a", [[0]], [[0]])])


def test_output_that_is_not_finite_raises() -> None:
    network = Logits()
    network.register_forward_hook(lambda module, args, y: y / 0)
    with pytest.raises(ValueError, match="a: the network's output is not finite"):
        scores(network, [image("a", [[0, 255]], [[0, 1]])])


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_threshold_out_of_range_raises(threshold: float) -> None:
    with pytest.raises(ValueError, match="a threshold is between 0 and 1"):
        SegmentationProtocol(threshold=threshold)


def test_card_texts_name_channels_and_threshold() -> None:
    (sentence,) = TASK.preprocessing({"input_size": (3, 96, 96), "classes": 2})
    assert sentence == "RGB pixels in 0..1, of images of any size; 2 masks, in logits."
    assert "above 0.5" in TASK.describe_protocol({"threshold": 0.5})
