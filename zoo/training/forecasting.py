"""Forecasting by squared error, on all windows of a training split in random order.

windows -> batches of (past, future) -> network        each epoch: loss on the validation split

Orders are those of the loaders of Informer's code and its descendants: torch's generator, after
the network was drawn, gives each loader a seed, in every epoch the same loaders in turn.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from zoo.data.benchmarks import BENCHMARKS
from zoo.data.forecasting import Windows, network_input
from zoo.training.objective import Batch, DrawnEpochs

# A DataLoader draws a seed for its workers and, if it shuffles, one for the order. An epoch has
# three: training and validation, which shuffle, and test.
DRAWS, TRAINING, VALIDATION = 5, 1, 3


@dataclass(frozen=True)
class Forecasting:
    """Mean squared error of standardized values, over steps and channels."""

    patience: int = 0  # epochs without a better validation loss that end the run
    metric = "absolute error"

    def load(
        self, dataset: str, batch_size: int, cfg: Mapping[str, Any], data: Path | None
    ) -> "ShuffledWindows":
        name, _, horizon = dataset.partition("/train")
        samples: list[Any] = [
            BENCHMARKS[f"{name}/{split}{horizon}"].open(data) for split in ("train", "validation")
        ]
        return ShuffledWindows(self, samples, batch_size, cfg)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(output, target)

    def metric_sum(self, output: Tensor, target: Tensor) -> float:
        return F.l1_loss(output, target).item() * len(target)


class WindowTensors:
    """The windows of one split, cut when they are asked for."""

    def __init__(self, windows: Windows, cfg: Mapping[str, Any]) -> None:
        self.look_back: int = cfg["input_size"][0]
        standard = windows.standardized()
        everything = network_input(standard.values, len(standard.values), cfg.get("cycle", 0))
        self.inputs = torch.from_numpy(everything)
        self.values = torch.from_numpy(standard.values).float()
        self.origins = torch.tensor([i for i in windows.origins if i >= self.look_back])
        self.horizon = windows.horizon

    def __len__(self) -> int:
        return len(self.origins)

    def to(self, device: torch.device) -> None:
        self.inputs, self.values = self.inputs.to(device), self.values.to(device)

    def batches(self, order: Tensor, size: int) -> Iterator[Batch]:
        """Yield whole batches: (B, look_back, columns), (B, horizon, channels)."""
        for chosen in torch.split(order, size)[: len(order) // size]:
            origins = self.origins[chosen][:, None]
            past = origins + torch.arange(-self.look_back, 0)
            yield self.inputs[past], self.values[origins + torch.arange(self.horizon)]


class ShuffledWindows(DrawnEpochs):
    """Every window once in an epoch, less a last, smaller batch."""

    def __init__(
        self,
        objective: Forecasting,
        splits: list[Windows],
        batch_size: int,
        cfg: Mapping[str, Any],
    ) -> None:
        self.patience = objective.patience
        self.training, self.validation = (WindowTensors(windows, cfg) for windows in splits)
        self.batch_size = min(batch_size, len(self.training), len(self.validation))
        self.steps = len(self.training) // self.batch_size
        self.rng_state = torch.get_rng_state()  # after the network was drawn

    def to(self, device: torch.device) -> None:
        self.training.to(device)
        self.validation.to(device)

    def generator(self, seed: int, epoch: int) -> torch.Generator:
        return self._generator(epoch, TRAINING)

    def _generator(self, epoch: int, draw: int) -> torch.Generator:
        """Return a generator with the seed that a loader draws in an epoch."""
        generator = torch.Generator()
        generator.set_state(self.rng_state)
        draws = torch.empty(DRAWS * epoch + draw + 1, dtype=torch.int64)
        return torch.Generator().manual_seed(int(draws.random_(generator=generator)[-1]))

    def draw_epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        order = torch.randperm(len(self.training), generator=generator)
        return self.training.batches(order, self.batch_size)

    def validate(self, predict: Callable[[Tensor], Tensor], epoch: int) -> float:
        """Return the mean loss of the whole batches of the validation split."""
        order = torch.randperm(len(self.validation), generator=self._generator(epoch, VALIDATION))
        batches = self.validation.batches(order, self.batch_size)
        return torch.stack([F.mse_loss(predict(x), y) for x, y in batches]).mean().item()
