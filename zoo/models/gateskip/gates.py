"""The gates of GateSkip (2510.13876), and who is skipped by them.

g = sigmoid(W x + b)    h <- h + g f(x)    importance = mean of g over its channels

A token skips a sublayer if its importance is no more than the quantile 1 - budget of all tokens'.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from zoo.modules.attention import Pass
from zoo.modules.connections import Sublayer
from zoo.modules.token_skipping import KeysAndValues, SkippingStream

OPEN = 5.0  # first bias of a gate, of which the sigmoid is 0.993
STD = 0.01  # of the first weights


class Gated(NamedTuple):
    """The stream between layers."""

    x: Tensor  # (B, T, D)
    held: KeysAndValues | None = None  # keys and values of the layer before, of the new tokens
    importance: tuple[Tensor, ...] = ()  # of every sublayer, (B, T) each
    squares: tuple[Tensor, ...] = ()  # mean of the squared gates of every sublayer


class GateSkipStream(SkippingStream):
    """A gate for each sublayer: vectors of `width` numbers, or one number for a token.

    With `budget` below 1, the tokens of a batch are compared with one another, as in the paper:
    later ones decide on earlier ones. With `thresholds`, one for each sublayer, a token is
    compared with a number, and is skipped or not whatever comes beside it.
    """

    def __init__(
        self, layers: int, width: int, *, scalar: bool, thresholds: Sequence[float]
    ) -> None:
        super().__init__(layers, width)
        if thresholds and len(thresholds) != 2 * layers:
            raise ValueError(
                f"thresholds must be two for each of {layers} layers, not {len(thresholds)}"
            )
        outputs = 1 if scalar else width
        self.gates = nn.ModuleList(nn.Linear(width, outputs) for _ in range(2 * layers))
        self.thresholds, self.budget = tuple(thresholds), 1.0

    def initialise(self) -> None:
        """Draw the first weights: the gates are open."""
        for gate in self.gates:
            nn.init.normal_(gate.weight, std=STD)  # type: ignore[arg-type]
            nn.init.constant_(gate.bias, OPEN)  # type: ignore[arg-type]

    def expand(self, x: Tensor) -> Gated:
        return Gated(x)

    def gate(
        self, sublayer: Sublayer, x: Tensor, stream: Gated, run: Pass
    ) -> tuple[Tensor, Tensor | None, Gated]:
        """Return the gate of a normalised input (B, T, D), and the tokens that it keeps.

        The gate learns from its input and does not change it (`detach`).

        Returns:
            (B, T, D or 1); (B, T), or None if all are kept; the stream with what is said of both.
        """
        at = 2 * sublayer.layer + (not sublayer.is_attention)
        gate = self.gates[at](x.detach()).sigmoid()
        importance = gate.mean(-1)
        stream = stream._replace(
            importance=(*stream.importance, importance),
            squares=(*stream.squares, gate.square().mean()),
        )
        if self.thresholds:
            return gate, importance > self.thresholds[at], stream
        if self.budget >= 1:
            return gate, None, stream
        return gate, importance > quantile(importance, 1 - self.budget, run), stream

    def collapse(self, stream: Any) -> Tensor:
        x: Tensor = stream.x
        return x


def quantile(importance: Tensor, share: float, run: Pass) -> Tensor:
    """Return the quantile of (B, T) numbers, without those of padding.

    A token alone is never skipped, as in the authors' code.
    """
    values = importance.detach().double()
    if run.cache and run.cache.padding is not None:
        places = torch.arange(values.shape[1], device=values.device) + run.cache.filled
        values = values[places >= run.cache.padding[:, None]]
    return torch.quantile(values, share) if values.numel() > 1 else values.new_tensor(-1.0)
