"""What the evaluators of a network share: its device and precision, batches in order."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn

from zoo.data.contents import samples_digest
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.engine import batched


class NetworkEvaluator:
    """A network, on samples that it takes as they are loaded."""

    network: nn.Module
    samples: Any

    def prepare(self, device: torch.device, config: EvalConfig) -> None:
        self.network, self.device = self.network.to(device).eval(), device
        self.autocast = torch.autocast(
            device.type, config.dtype, enabled=config.precision != "fp32"
        )

    def batches(self, indices: Sequence[int], size: int) -> Iterator[list[int]]:
        return batched(indices, size)

    def contents(self) -> str:
        """Return the sha256 of what the samples are read from."""
        return samples_digest(self.samples)
