"""Forecasting of many series by errors that a series' scale does not change (1905.10437).

series -> a random one, a random origin near its end -> (past, future) -> network -> loss

Sec. 5.2 and App. D.1; where they are silent, as the authors' code does it: what is missing of a
future counts as forecast without an error.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from zoo.data.benchmarks import BENCHMARKS
from zoo.data.forecasting import network_input
from zoo.data.m4 import SeriesSet
from zoo.training.objective import Batch, DrawnEpochs


@dataclass(frozen=True)
class SeriesForecasting:
    """sMAPE, MASE or MAPE of windows from the histories of many series.

    Example:
        >>> objective = SeriesForecasting("mape", history=1.5, steps=100)
        >>> float(objective.loss(torch.tensor([[[8.0]]]), torch.tensor([[[10.0, 1.0]]])))
        0.20000000298023224
    """

    loss_name: Literal["smape", "mase", "mape"]
    history: float  # horizons before the end of a history that origins are drawn from, L_H
    steps: int  # batches of an epoch
    metric = "absolute error over value, in percent"

    def load(
        self, dataset: str, batch_size: int, cfg: Mapping[str, Any], data: Path | None
    ) -> "RandomWindows":
        series: Any = BENCHMARKS[dataset].open(data)
        return RandomWindows(self, series, batch_size, cfg["input_size"][0])

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the mean over all steps: output (B, H, 1), target (B, H, 2) with MASE's scale."""
        future, scale = target[..., :1].nan_to_num(), target[..., 1:]
        sizes = {
            "smape": output.detach().abs() + future.abs(),  # without a gradient (Sec. 5.2)
            "mape": future.abs(),
            "mase": scale,
        }
        size = sizes[self.loss_name]
        counted = (size > 0) & ~target[..., :1].isnan()
        factor = 200 if self.loss_name == "smape" else 1  # as the authors' code has them
        errors = (output - future).abs() * counted / size.where(counted, 1)
        return factor * errors.mean()

    def metric_sum(self, output: Tensor, target: Tensor) -> float:
        mape = SeriesForecasting("mape", self.history, self.steps).loss(output, target)
        return 100 * mape.item() * len(target)


class RandomWindows(DrawnEpochs):
    """Windows of series that are drawn with replacement, each from a random origin on."""

    def __init__(
        self, objective: SeriesForecasting, series: SeriesSet, batch_size: int, look_back: int
    ) -> None:
        self.steps, self.batch_size = objective.steps, batch_size
        self.look_back, self.horizon, self.season = look_back, series.horizon, series.season
        longest = max(map(len, series.pasts)) + look_back
        values = np.full((len(series), longest + self.horizon), np.nan, np.float32)
        for row, past in zip(values, series.pasts, strict=True):
            row[:longest] = network_input(past[:, None], longest, padded=True)[:, 0]
        self.values, self.end = torch.from_numpy(values), longest
        lengths = torch.tensor([len(past) - 1 for past in series.pasts])
        self.origins = lengths.clamp(max=int(objective.history * self.horizon))  # of each series

    def to(self, device: torch.device) -> None:
        self.values = self.values.to(device)

    def draw_epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        for _ in range(self.steps):
            drawn = torch.randint(len(self.values), (self.batch_size,), generator=generator)
            shares = torch.rand(self.batch_size, generator=generator)
            back = 1 + (shares * self.origins[drawn]).long()  # steps from the origin to the end
            yield self.windows(drawn, self.end - back)

    def windows(self, drawn: Tensor, origins: Tensor) -> Batch:
        """Return (B, look_back, 1) and (B, H, 2): the futures, and the scale of each past."""
        steps = origins[:, None] + torch.arange(-self.look_back, self.horizon)
        window = self.values[drawn[:, None], steps]
        past, future = window[:, : self.look_back], window[:, self.look_back :]
        zeros = past.nan_to_num()  # the authors' scale counts what is missing as zero
        scale = (zeros[:, self.season :] - zeros[:, : -self.season]).abs().mean(1, keepdim=True)
        return past[..., None], torch.stack([future, scale.expand_as(future)], 2)
