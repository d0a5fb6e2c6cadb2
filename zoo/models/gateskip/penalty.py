"""The training of GateSkip (2510.13876): a penalty on the gates, and ever fewer tokens."""

from typing import Any

import torch
from torch import Tensor

from zoo.models.gateskip.model import GateSkip
from zoo.modules.token_skipping import Penalised


class GatePenalty(Penalised):
    """Adds `weight` times the mean square of the gates to the loss.

    The budget goes down from `first` to `last` by equal parts, in `steps` steps of training.

    Args:
        network: A GateSkip.
        steps: Of the whole training.
        weight: As the authors' code has it; see the contradiction sparsity-weight.
        first: Budget of the first step.
        last: Budget after the last one.
    """

    def __init__(
        self,
        network: GateSkip,
        *,
        steps: int,
        weight: float = 0.01,
        first: float = 1.0,
        last: float = 0.8,
    ) -> None:
        super().__init__(network)
        self.steps, self.weight = steps, weight
        self.first, self.last = first, last
        self.done: Tensor
        self.register_buffer("done", torch.zeros((), dtype=torch.long))

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        network: Any = self.network
        if self.training:
            share = min(1.0, int(self.done) / self.steps)
            network.set_budget(self.first - (self.first - self.last) * share)
            self.done += 1
        return super().forward(ids)

    def penalty(self, stream: Any) -> Tensor:
        return self.weight * torch.stack(stream.squares).mean()
