"""The residual stream between the layers of a transformer, as an extension point.

embeddings -> expand -> (read -> attention -> write, read -> feed-forward -> write) x L -> collapse
           -> last hidden states

A sublayer is an attention, a feed-forward network, or both in parallel. The stream may be anything:
one tensor, n of them, all earlier outputs. While gradients are taken it must not be changed in
place, so that a layer can be run again in the backward pass.
"""

from typing import Any, NamedTuple

from torch import Tensor, nn


class Sublayer(NamedTuple):
    """The place of a sublayer in the network."""

    layer: int
    is_attention: bool
    is_last: bool  # of its layer


class ResidualStream(nn.Module):
    """The residual stream of a pre-norm transformer, x + f(norm(x)): no parameters.

    Other connections are subclasses, made as `connections(layers, width)`. With `multiway`, the
    queries, keys and values of an attention are computed from inputs of their own.
    """

    multiway = False

    def __init__(self, layers: int, width: int) -> None:
        super().__init__()

    def norms(self, layer: int) -> int:
        """Return the number of norms before an attention: 1, or 3 for Q, K and V.

        0 leaves out every norm of the layers and the last one: the stream has its own.
        """
        return 1

    def ways(self, layer: int) -> int:
        """Return the number of inputs that `read` gives an attention: 1, 3 for Q, K and V, or 4.

        The fourth, R, goes to a feed-forward network in parallel to the attention.
        """
        return 1

    def value_layer(self, layer: int) -> int:
        """Return the layer, itself or an earlier one, whose values this layer attends to.

        A layer that attends to another's has no projection for values, and no cache of them.
        """
        return layer

    def expand(self, x: Tensor) -> Any:
        """Embeddings, (B, T, D) -> stream."""
        return x

    def read(self, sublayer: Sublayer, stream: Any) -> tuple[Tensor, Any]:
        """Return the input of a sublayer, and what its output will be added to.

        The input is (B, T, D), or (B, T, ways, D) for an attention of several ways.
        """
        return stream, stream

    def mix_values(self, sublayer: Sublayer, stream: Any, v: Tensor) -> tuple[Tensor, Any]:
        """Return the values of an attention, (B, T, D), before its heads, and the stream."""
        return v, stream

    def shared_values(self, sublayer: Sublayer, stream: Any) -> Tensor:
        """Return the values, (B, T, D), for an attention that does not project any."""
        raise NotImplementedError

    def write(self, sublayer: Sublayer, stream: Any, residual: Any, out: Tensor) -> Any:
        """Return the stream after a sublayer's output, (B, T, D)."""
        return residual + out

    def collapse(self, stream: Any) -> Tensor:
        """Stream -> (B, T, D)."""
        x: Tensor = stream
        return x
