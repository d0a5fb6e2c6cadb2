"""Sequence regression: errors of every series, or what its outputs remember of the input.

input series -> network -> output series, against its targets -> (index, errors) -> NRMSE
                                                              or (index, capacity) -> mean
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from zoo.data.sequences import Sequences
from zoo.evaluation.answer_log import Prediction
from zoo.evaluation.engine import Batch, Predictions
from zoo.evaluation.evaluators.network import NetworkEvaluator
from zoo.evaluation.samples import NonFiniteOutputError
from zoo.papers.protocols import SequenceProtocol


class SequenceEvaluator(NetworkEvaluator):
    """A network on whole series, whose first steps are not scored.

    NRMSE is the root of the mean squared error over that of the mean squared target. A memory
    capacity is the sum of the squared correlations of the outputs with their targets.
    """

    batch_size = 128

    def __init__(self, network: nn.Module, samples: Sequences, protocol: SequenceProtocol) -> None:
        self.network, self.samples, self.washout = network, samples, protocol.washout
        self.size = len(samples)

    def load(self, index: int) -> tuple[Tensor, Tensor]:
        x, y = self.samples[index]
        return torch.from_numpy(x).float(), torch.from_numpy(y)

    def predict(self, batch: Batch) -> Iterator[Prediction]:
        x, y = (torch.stack(parts) for parts in zip(*(pair for _, pair in batch), strict=True))
        with self.autocast:
            output = self.network(x.to(self.device))
        output, y = output.cpu().double()[:, self.washout :], y[:, self.washout :]
        for (index, _), predicted, target in zip(batch, output, y, strict=True):
            if not predicted.isfinite().all():
                raise NonFiniteOutputError(f"series {index}")
            yield index, *FIGURES[self.samples.metric](predicted, target)

    def compute(self, predictions: Predictions) -> dict[str, Any]:
        value = total(list(predictions.values()))
        scores = {self.samples.metric: {"value": value}}
        return {"samples": len(predictions), "scores": scores, "parts": {}}


def squared_error(output: Tensor, target: Tensor) -> tuple[float, ...]:
    """Return mean squared error and mean squared target: (T, outputs) each."""
    return (output - target).square().mean().item(), target.square().mean().item()


def memory_capacity(output: Tensor, target: Tensor) -> tuple[float, ...]:
    """Return the sum over outputs of the squared correlation with the target: (T, outputs) each.

    Example:
        >>> u = torch.tensor([0.0, 1.0, 0.0, 2.0, 1.0])[:, None]
        >>> memory_capacity(torch.cat((3 * u + 1, torch.ones(5, 1)), 1), torch.cat((u, u), 1))
        (1.0,)
    """
    output, target = output - output.mean(0), target - target.mean(0)
    shared = (output * target).sum(0).square()
    variances = output.square().sum(0) * target.square().sum(0)
    return (float((shared / variances.clamp_min(1e-30)).sum()),)


def total(figures: Sequence[tuple[float, ...]]) -> float:
    """Return the score of all series from the figures of each.

    Example:
        >>> total([(1.0, 16.0), (3.0, 16.0)]), total([(20.0,), (40.0,)])
        (0.3535533905932738, 30.0)
    """
    means = [sum(column) / len(figures) for column in zip(*figures, strict=True)]
    return means[0] if len(means) == 1 else (means[0] / means[1]) ** 0.5


FIGURES = {"nrmse": squared_error, "memory_capacity": memory_capacity}
