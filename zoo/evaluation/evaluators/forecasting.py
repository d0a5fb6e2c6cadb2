"""Forecasting: squared and absolute errors at every origin of a split.

past -> its last steps -> network -> forecast -> (index, MSE, MAE[, MSE in fp32])
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from zoo.data.forecasting import network_input
from zoo.evaluation.answer_log import Prediction
from zoo.evaluation.backends import COMPARED, by_backend, changed, reference
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.engine import Batch, Predictions
from zoo.evaluation.evaluators.network import NetworkEvaluator
from zoo.evaluation.samples import (
    NonFiniteOutputError,
    UnreadableSampleError,
    read_sample,
    sample_name,
)
from zoo.models._builder import pretrained_cfg
from zoo.papers.protocols import ForecastingProtocol

DIGITS = 3  # that papers print of an error


class ForecastingEvaluator(NetworkEvaluator):
    """A network on windows of series; both means are over all steps and channels.

    Raises ValueError for another horizon than the network's.
    """

    batch_size = 256
    takes_backend = True

    def __init__(self, network: nn.Module, samples: Any, protocol: ForecastingProtocol) -> None:
        self.cfg = pretrained_cfg(network)
        if samples.horizon != self.cfg["horizon"]:
            raise ValueError(
                f"{self.cfg['architecture']} forecasts {self.cfg['horizon']} steps; the benchmark "
                f"asks for {samples.horizon}"
            )
        self.network, self.size = network, len(samples)
        self.samples = samples.standardized() if protocol.standardized else samples

    def prepare(self, device: torch.device, config: EvalConfig) -> None:
        super().prepare(device, config)
        self.reference = reference(self.network, config)
        if config.backend != "eager":
            shape = (config.batch_size or self.batch_size, *self.cfg["input_size"])
            example = torch.rand(shape, generator=torch.Generator().manual_seed(0))
            self.network = by_backend(self.network, example.to(device), config)

    def load(self, index: int) -> tuple[Tensor, Tensor]:
        """Return (input, future). Raises UnreadableSampleError for too short a past, or channels
        that the network does not take."""
        window, size = read_sample(self.samples, index), tuple(self.cfg["input_size"])
        try:
            x = network_input(
                window.past, size[0], self.cfg.get("cycle", 0), self.cfg.get("padded", False)
            )
        except ValueError as error:
            raise UnreadableSampleError(f"{sample_name(self.samples, index)}: {error}") from None
        if x.shape != size:
            name = sample_name(self.samples, index)
            raise UnreadableSampleError(
                f"{name}: {x.shape} is not the input of the network, {size}"
            )
        return torch.from_numpy(x), torch.from_numpy(window.future).float()

    def predict(self, batch: Batch) -> Iterator[Prediction]:
        indices = [index for index, _ in batch]
        inputs, futures = (torch.stack(parts) for parts in zip(*(x for _, x in batch), strict=True))
        with self.autocast:
            forecasts = self._forecast(self.network, inputs)
        scores = self.score(indices, forecasts, futures.double())
        fp32 = self._reference_scores(indices, inputs, futures.double())
        for index, own in zip(indices, scores, strict=True):
            if not math.isfinite(own[0]):
                raise NonFiniteOutputError(sample_name(self.samples, index))
            yield index, *own, *([fp32[index]] if index in fp32 else [])

    def score(
        self, indices: Sequence[int], forecasts: Tensor, futures: Tensor
    ) -> list[tuple[float, ...]]:
        """Return the numbers that are kept of each forecast; of the first, backends are compared.

        Args:
            indices: Samples.
            forecasts: (B, horizon, channels).
            futures: (B, horizon, channels).
        """
        errors = forecasts - futures
        means = errors.square().mean((1, 2)).tolist(), errors.abs().mean((1, 2)).tolist()
        return list(zip(*means, strict=True))

    def _forecast(self, network: nn.Module, inputs: Tensor) -> Tensor:
        output: Tensor = network(inputs.to(self.device))
        return output.cpu().double()

    def _reference_scores(
        self, indices: Sequence[int], inputs: Tensor, futures: Tensor
    ) -> dict[int, float]:
        """Return the first score in fp32 by torch of the first samples, where that is another."""
        first = [i for i, index in enumerate(indices) if index < COMPARED]
        if self.reference is None or not first:
            return {}
        compared = [indices[i] for i in first]
        forecasts = self._forecast(self.reference, inputs[first])
        scores = self.score(compared, forecasts, futures[first])
        return {index: own[0] for index, own in zip(compared, scores, strict=True)}

    def compute(self, predictions: Predictions) -> dict[str, Any]:
        """Return means without intervals: windows overlap, and are no independent samples."""
        columns = zip(*(predictions[index][:2] for index in sorted(predictions)), strict=True)
        means = (sum(column) / len(predictions) for column in columns)
        scores = {name: {"value": mean} for name, mean in zip(("mse", "mae"), means, strict=True)}
        return self.result(predictions, scores, numbers=2)

    def result(
        self, predictions: Predictions, scores: dict[str, Any], *, numbers: int
    ) -> dict[str, Any]:
        """Return scores as a record has them; a prediction longer than `numbers` was compared."""
        compared = [
            (round(values[0], DIGITS), round(values[numbers], DIGITS))
            for values in predictions.values()
            if len(values) > numbers
        ]
        return {"samples": len(predictions), "scores": scores, "parts": {}, **changed(compared)}
