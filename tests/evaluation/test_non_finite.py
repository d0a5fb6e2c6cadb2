"""What is not a finite answer is none: evaluations stop and name the sample."""

import math
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from zoo.data.denoising import CleanImage
from zoo.data.super_resolution import Pair
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.engine import evaluate
from zoo.evaluation.evaluators.classification import ClassificationEvaluator
from zoo.evaluation.evaluators.denoising import DenoisingEvaluator, noisy
from zoo.evaluation.evaluators.language_modeling import LanguageModelingEvaluator
from zoo.evaluation.evaluators.super_resolution import SuperResolutionEvaluator
from zoo.evaluation.samples import NonFiniteOutputError
from zoo.papers.protocols import (
    DenoisingProtocol,
    SlidingWindowProtocol,
    SuperResolutionProtocol,
)

NAN, INF = math.nan, math.inf


class Constant(nn.Module):
    """Answers every sample with one row."""

    def __init__(self, row: Tensor, **attributes: Any) -> None:
        super().__init__()
        self.row, self.weight = row, nn.Parameter(torch.zeros(1))
        self.num_classes = row.shape[-1]
        vars(self).update(attributes)

    def forward(self, x: Tensor, **args: Any) -> Tensor:
        return self.row.expand(len(x), *self.row.shape)


def images(count: int, label: Any = 7) -> list[tuple[Image.Image, Any]]:
    return [(Image.new("L", (8, 8)), label)] * count


def classify(row: Tensor, samples: Any) -> dict[str, Any]:
    def transform(image: Any) -> list[Tensor]:
        return [torch.zeros(1, 1, 8, 8)]

    evaluator = ClassificationEvaluator(Constant(row), samples, transform)
    return evaluate(evaluator, EvalConfig(eager=True))["scores"]["error"]


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_classification_non_finite_logit_names_the_sample(value: float) -> None:
    row = torch.zeros(10)
    row[7] = value
    with pytest.raises(NonFiniteOutputError, match=r"sample 0: .* not finite; try --precision"):
        classify(row, images(3))


def test_classification_equal_logits_take_the_lower_class() -> None:
    assert classify(torch.zeros(10), images(3, label=0))["count"] == 0
    assert classify(torch.zeros(10), images(3, label=1))["count"] == 3


@pytest.mark.parametrize("label", [0.5, True, "7", None, -1, 10, np.float64(7.0)])
def test_classification_label_that_is_no_class_raises(label: Any) -> None:
    with pytest.raises(ValueError, match=r"sample 0 has the label .*; the network has 0\.\.9"):
        classify(torch.zeros(10), images(3, label))
    assert classify(torch.zeros(10), images(3, np.int64(0)))["count"] == 0


def test_evaluate_without_samples_raises() -> None:
    with pytest.raises(ValueError, match="no samples to evaluate"):
        classify(torch.zeros(10), [])


def test_language_modeling_non_finite_logits_name_the_tokens() -> None:
    row = torch.zeros(4, 5)
    row[3] = NAN
    model = Constant(row, context=4, vocab=5)
    ids = np.zeros(9, dtype=np.int64)
    evaluator = LanguageModelingEvaluator(model, ids, SlidingWindowProtocol(context=4))
    with pytest.raises(NonFiniteOutputError, match=r"tokens 0 to 4: .* not finite"):
        evaluate(evaluator)


def test_super_resolution_non_finite_pixels_name_the_image() -> None:
    model = Constant(torch.full((3, 32, 32), NAN), scales=(2,))
    pair = Pair("cat", np.zeros((32, 32, 3), np.uint8), np.zeros((16, 16, 3), np.uint8))
    evaluator = SuperResolutionEvaluator(model, [pair], SuperResolutionProtocol(), 2)
    with pytest.raises(NonFiniteOutputError, match=r"cat: .* not finite"):
        evaluate(evaluator)


def test_denoising_non_finite_pixels_name_the_image() -> None:
    model = Constant(torch.full((1, 32, 32), INF), pretrained_cfg={"input_size": (1, 32, 32)})
    clean = CleanImage("cat", np.zeros((32, 32), np.uint8))
    protocol = DenoisingProtocol()
    degrade = partial(noisy, sigma=25.0, protocol=protocol)
    evaluator = DenoisingEvaluator(model, [clean], protocol, degrade)
    with pytest.raises(NonFiniteOutputError, match=r"cat: .* not finite"):
        evaluate(evaluator)
