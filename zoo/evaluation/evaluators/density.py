"""Density estimation: the log-likelihood of samples, in nats and in bits per dimension.

sample -> network -> log p -> (index, log p) -> mean of -log p, also over log 2 and the dimensions
"""

import inspect
import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from zoo.evaluation.answer_log import Prediction
from zoo.evaluation.engine import Batch, Predictions
from zoo.evaluation.evaluators.network import NetworkEvaluator
from zoo.evaluation.samples import NonFiniteOutputError, sample_name
from zoo.evaluation.statistics import student_interval
from zoo.models._builder import pretrained_cfg

NUMBERS = 50_000  # in a batch


class DensityEvaluator(NetworkEvaluator):
    """A network that returns log p of each sample, on samples as they are.

    Where the network estimates it, the index of a sample is the seed of its noise.
    """

    def __init__(self, network: nn.Module, samples: Any) -> None:
        self.network, self.samples, self.size = network, samples, len(samples)
        self.dimensions = math.prod(pretrained_cfg(network)["input_size"])
        self.batch_size = min(1000, max(1, NUMBERS // self.dimensions))
        self.seeded = "seeds" in inspect.signature(network.forward).parameters

    def load(self, index: int) -> Tensor:
        sample: Tensor = self.samples[index]
        return sample

    def predict(self, batch: Batch) -> Iterator[Prediction]:
        x = torch.stack([sample for _, sample in batch])
        seeds = {"seeds": [index for index, _ in batch]} if self.seeded else {}
        with self.autocast:
            output = self.network(x.to(self.device), **seeds)
        for (index, _), value in zip(batch, output.double().cpu().tolist(), strict=True):
            if not math.isfinite(value):
                raise NonFiniteOutputError(sample_name(self.samples, index))
            yield index, value

    def compute(self, predictions: Predictions) -> dict[str, Any]:
        """Return both scores with Student's intervals over samples."""
        losses = [-predictions[index][0] for index in sorted(predictions)]
        scores: dict[str, Any] = {}
        for name, unit in (("loss", 1.0), ("bits_per_dim", math.log(2) * self.dimensions)):
            scores[name] = {"value": sum(losses) / len(losses) / unit}
            if len(losses) > 1:
                ends = student_interval(losses)
                scores[name]["interval"] = [round(end / unit, 6) for end in ends]
        return {"samples": len(losses), "scores": scores, "parts": {}}
