"""Aggregation of the messages that each node gets (2006.07739, Sec. 3).

softmax  sum of m exp(t m) / sum of exp(t m): the mean for t = 0, the maximum for large t
power    (mean of m^p)^(1/p): the mean for p = 1, the maximum for large p

Messages are (E, C), `target` (E,) has the node of each, and results are (N, C).
"""

import torch
from torch import Tensor, nn

LEAST, MOST = 1e-7, 10.0  # of the messages of the power mean, and of its sum


def add(messages: Tensor, target: Tensor, nodes: int) -> Tensor:
    """Sum of the messages of each node; 0 without any."""
    return messages.new_zeros(nodes, messages.shape[1]).index_add(0, target, messages)


def mean(messages: Tensor, target: Tensor, nodes: int) -> Tensor:
    """Mean of the messages of each node; 0 without any."""
    counts = add(torch.ones_like(messages[:, :1]), target, nodes)
    return add(messages, target, nodes) / counts.clamp_min(1)


def largest(messages: Tensor, target: Tensor, nodes: int) -> Tensor:
    """Largest message of each node, by channel; 0 without any."""
    index = target[:, None].expand_as(messages)
    zeros = messages.new_zeros(nodes, messages.shape[1])
    return zeros.scatter_reduce(0, index, messages, "amax", include_self=False)


class Aggregation(nn.Module):
    """An aggregation with a number, which is learned if `learned`."""

    def __init__(self, scale: float, learned: bool) -> None:
        super().__init__()
        self.learned = learned
        self.scale = nn.Parameter(torch.full((1,), scale)) if learned else scale


class Softmax(Aggregation):
    """Messages weighted by the softmax of t times themselves.

    With a fixed t no gradient goes through the weights (softmax_sg in the authors' code).
    """

    def forward(self, messages: Tensor, target: Tensor, nodes: int) -> Tensor:
        scores = self.scale * (messages if self.learned else messages.detach())
        powers = (scores - largest(scores.detach(), target, nodes)[target]).exp()
        weights = powers / (add(powers, target, nodes)[target] + 1e-16)
        return add(messages * weights, target, nodes)


class PowerMean(Aggregation):
    """The mean of messages to the power of p, to the power of 1/p."""

    def forward(self, messages: Tensor, target: Tensor, nodes: int) -> Tensor:
        powers = messages.clamp(LEAST, MOST) ** self.scale
        return mean(powers, target, nodes).clamp(LEAST, MOST) ** (1 / self.scale)
