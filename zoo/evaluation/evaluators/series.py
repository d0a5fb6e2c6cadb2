"""Forecasting of many series, each once and by errors that its scale does not change.

past -> its last steps -> network -> forecast -> (index, sMAPE, MASE, sums of errors and values)
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from zoo.data.m4 import SeriesSet
from zoo.evaluation.engine import Predictions
from zoo.evaluation.evaluators.forecasting import ForecastingEvaluator
from zoo.evaluation.statistics import student_interval
from zoo.papers.protocols import ForecastingProtocol


class SeriesEvaluator(ForecastingEvaluator):
    """A network on series of one channel.

    sMAPE and MASE are means over series, ND is over all values (Sec. 2 and Eq. 7 of 1905.10437,
    but that MASE's scale is of the past alone, as M4 defines it). OWA is the mean of sMAPE and
    MASE, each over that of the competition's Naive2 on the same series.

    Raises ValueError for another horizon than the network's, or standardized values.
    """

    samples: SeriesSet

    def __init__(
        self, network: nn.Module, samples: SeriesSet, protocol: ForecastingProtocol
    ) -> None:
        if protocol.standardized:
            raise ValueError("series of M4 are forecast as they are stored, not standardized")
        super().__init__(network, samples, protocol)

    def score(
        self, indices: Sequence[int], forecasts: Tensor, futures: Tensor
    ) -> list[tuple[float, ...]]:
        errors = (forecasts - futures).abs()
        sizes = forecasts.abs() + futures.abs()
        smape = 200 * (errors / sizes.where(sizes > 0, 1)).mean((1, 2))
        scales = errors.new_tensor([self.samples.scale(index) for index in indices])
        sums = errors.sum((1, 2)), futures.abs().sum((1, 2))
        columns = (smape, errors.mean((1, 2)) / scales, *sums)
        return list(zip(*(column.tolist() for column in columns), strict=True))

    def naive2_scores(self, indices: Sequence[int]) -> list[tuple[float, ...]]:
        """Return the scores of the competition's Naive2."""
        forecasts = np.stack([self.samples.naive2(index) for index in indices])
        futures = self.samples.futures[indices]
        return self.score(indices, *(torch.from_numpy(x)[..., None] for x in (forecasts, futures)))

    def compute(self, predictions: Predictions) -> dict[str, Any]:
        """Return sMAPE and MASE with Student's intervals over series, OWA and ND."""
        indices = sorted(predictions)
        rows = [predictions[index][:4] for index in indices]
        smapes, mases, errors, values = zip(*rows, strict=True)
        naive2 = np.mean(self.naive2_scores(indices), axis=0)
        owa = float((np.mean(rows, axis=0)[:2] / naive2[:2]).mean())
        scores: dict[str, Any] = {"nd": {"value": sum(errors) / sum(values)}, "owa": {"value": owa}}
        for name, column in (("smape", smapes), ("mase", mases)):
            scores[name] = {"value": sum(column) / len(column)}
            if len(column) > 1:
                scores[name]["interval"] = [round(end, 6) for end in student_interval(column)]
        return self.result(predictions, scores, numbers=4)
