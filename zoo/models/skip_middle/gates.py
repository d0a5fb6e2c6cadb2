"""The gates of 2506.21103: what a token has said before the middle holds after it.

s_l = relu(w_l h_l + b_l)    S_l = s_0 + .. + s_l    g_l = 1 - clamp(S_l, 0, 1) = g_{L-1-l}

S grows, so that a token that skips a layer skips all from it to the mirrored one.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from zoo.modules.attention import Cache, Pass
from zoo.modules.norms import RMSNorm
from zoo.modules.token_skipping import SkippingStream, seen_by

LEAST = 1e-6  # least gate whose logarithm is taken, as in the authors' code


class Gated(NamedTuple):
    """The stream between layers."""

    x: Tensor  # (B, T, D)
    total: Tensor | float = 0.0  # S of the last gate, (B, T, 1)
    gates: tuple[Tensor, ...] = ()  # of the first half of the layers, (B, T, 1) each


class MiddleGates(SkippingStream):
    """Gates of the first half of the layers, and the norm of the embeddings.

    A layer in the middle of an odd number is its own mirror image, and has a gate.
    """

    def __init__(self, layers: int, width: int, *, eps: float) -> None:
        super().__init__(layers, width)
        self.layers = layers
        self.norm = RMSNorm(width, eps=eps)
        self.gates = nn.ModuleList(nn.Linear(width, 1) for _ in range((layers + 1) // 2))

    def expand(self, x: Tensor) -> Gated:
        return Gated(self.norm(x))

    def gate(self, layer: int, stream: Gated) -> tuple[Tensor, Gated]:
        """Return the gate of a layer, (B, T, 1), and the stream with it."""
        if layer >= len(self.gates):
            return stream.gates[self.layers - 1 - layer], stream
        total = stream.total + self.gates[layer](stream.x).relu()
        gate = 1 - total.clamp(0, 1)
        return gate, Gated(stream.x, total, (*stream.gates, gate))

    def collapse(self, stream: Any) -> Tensor:
        x: Tensor = stream.x
        return x

    def all_gates(self, stream: Gated) -> Tensor:
        """Return the gates of every layer, (L, B, T)."""
        half = torch.stack(stream.gates)[..., 0]
        return torch.cat([half, half[: self.layers // 2].flip(0)])


class GateCache(Cache):
    """A cache that also holds the gates of the tokens, for attention to gated keys."""

    def __init__(self, owners: Any, shape: Any, like: Tensor, padding: Tensor | None) -> None:
        super().__init__(owners, shape, like, padding)
        self.gates = [
            like.new_zeros(shape[0], shape[2]) for _ in range((len(self.owners) + 1) // 2)
        ]

    def extend_gates(self, slot: int, gate: Tensor) -> Tensor:
        """Store the gates of new tokens, (B, T); return those of all tokens so far."""
        held = self.gates[min(slot, len(self.owners) - 1 - slot)]
        end = self.filled + gate.shape[1]
        held[:, self.filled : end] = gate
        return held[:, :end]


def key_bias(gate: Tensor, run: Pass, slot: int, dtype: torch.dtype) -> Tensor:
    """Return what is added to q k' for new tokens with gates (B, T): (B, 1, T, S).

    log g of each key, minus infinity where it is not seen or its gate is 0. Every token sees
    itself, so that no row is empty: what a token of gate 0 attends to is multiplied by 0.
    """
    gates = run.cache.extend_gates(slot, gate) if isinstance(run.cache, GateCache) else gate
    tokens, seen = gate.shape[1], gates.shape[1]
    logs = gates.clamp(min=LEAST).log().to(dtype)[:, None, None]
    mask = seen_by(run, tokens, seen, gate.device)
    itself = torch.eye(tokens, seen, dtype=torch.bool, device=gate.device)
    itself = itself.roll(seen - tokens, 1)
    hidden = ~mask | ((gates <= 0)[:, None, None] & ~itself)
    return logs.expand(-1, -1, tokens, -1).masked_fill(hidden, float("-inf"))
