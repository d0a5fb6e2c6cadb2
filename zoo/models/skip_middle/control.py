"""The loss by which 2506.21103 holds the gates at a share that is asked for.

gates -> mean and variance of each layer -> less their targets -> coefficients of both in the loss
"""

from typing import Any

import torch
from torch import Tensor

from zoo.modules.token_skipping import Penalised, SkippingDecoder

RATE = 19.0  # over the steps of training: 0.001 in the authors' script, for 19,000 steps


class GateControl(Penalised):
    """A SkipMiddle whose gates are pushed to targets by the authors' proportional controller.

    The penalty is mean_l(a_l mean(g_l)) + mean_l(b_l var(g_l)); after every step a_l grows by
    `rate` times what mean(g_l) is above its target, and b_l by what the variance is above that of
    gates that are 0 or 1. Less than `tolerance` is left as it is.

    Args:
        network: A SkipMiddle.
        first: Target of the first layer's mean gate, and of the last layer's.
        middle: Target of the layers in the middle; those between lie on a line.
        rate: As in the authors' script for runs of 19,000 steps.
        tolerance: Least difference that counts.
    """

    def __init__(
        self,
        network: SkippingDecoder,
        *,
        first: float = 1.0,
        middle: float = 0.5,
        rate: float = 1e-3,
        tolerance: float = 0.01,
    ) -> None:
        super().__init__(network)
        layers = len(network.layers)
        half = torch.linspace(first, middle, (layers + 1) // 2)
        means = torch.cat([half, half[: layers // 2].flip(0)])
        self.rate, self.tolerance = rate, tolerance
        self.targets: Tensor
        self.coefficients: Tensor
        self.register_buffer("targets", torch.stack([means, means * (1 - means)]))
        self.register_buffer("coefficients", torch.zeros(2, layers))

    def penalty(self, stream: Any) -> Tensor:
        connections: Any = self.network.connections
        gates = connections.all_gates(stream).flatten(1).float()
        actual = torch.stack([gates.mean(1), gates.var(1)])
        penalty = (self.coefficients * actual).mean(1).sum()
        if self.training:
            above = actual.detach() - self.targets
            above = torch.where(above.abs() > self.tolerance, above, 0.0)
            self.coefficients = self.coefficients + self.rate * above
        return penalty
