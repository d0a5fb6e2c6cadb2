"""What flows between the layers of a decoder: the hole where the residual stream is.

embeddings -> open -> (before -> value -> attention -> after, before -> feed-forward -> after) x L
           -> close -> the last hidden states

A sublayer is an attention, a feed-forward network, or both in parallel. The stream may be anything:
one tensor, n of them, all earlier outputs. Nothing in it is changed in place while gradients are
taken, so that a layer can be run again in the backward pass.
"""

from typing import Any, NamedTuple

from torch import Tensor, nn


class Sublayer(NamedTuple):
    """A sublayer: of which layer, whether it attends, whether it is the last of its layer."""

    layer: int
    attends: bool
    ends: bool


class ResidualStream(nn.Module):
    """The residual stream of a pre-norm transformer, x + f(norm(x)): no parameters.

    Others are made as `connections(layers, width)` and change what they need. With `multiway`,
    the queries, keys and values of an attention see inputs of their own.
    """

    multiway = False

    def __init__(self, layers: int, width: int) -> None:
        super().__init__()

    def norms(self, layer: int) -> int:
        """How many norms an attention has: 1 for all of its inputs, or 3 for Q, K and V."""
        return 1

    def values_of(self, layer: int) -> int:
        """The layer that projects the values of this one: itself, or one before it. Then this one
        has no projection for them, and a cache keeps them once."""
        return layer

    def open(self, x: Tensor) -> Any:
        """Embeddings, (B, T, D) -> the stream."""
        return x

    def before(self, step: Sublayer, stream: Any) -> tuple[Tensor, Any]:
        """What a sublayer sees, and what its output is added to.

        The first is (B, T, D), or (B, T, 4, D) for Q, K, V and R, of which a feed-forward network
        beside the attention sees the last.
        """
        return stream, stream

    def value(self, step: Sublayer, stream: Any, v: Tensor) -> tuple[Tensor, Any]:
        """The values of an attention, (B, T, D), before its heads take them; and the stream."""
        return v, stream

    def given(self, step: Sublayer, stream: Any) -> Tensor:
        """The values, (B, T, D), of an attention that does not project them (`values_of`)."""
        raise NotImplementedError

    def after(self, step: Sublayer, stream: Any, residual: Any, out: Tensor) -> Any:
        """The stream, once a sublayer has given `out`, (B, T, D)."""
        return residual + out

    def close(self, stream: Any) -> Tensor:
        """The stream -> (B, T, D)."""
        x: Tensor = stream
        return x
