"""Tensor parallelism (Sec. 2 and Alg. 1 of 2501.06589): each rank has some of the heads.

rank 0: f_i(x) of its heads --+                    a ladder computes f_{i+1} while the sum of
rank 1: f_i(x) of its heads --+--> all-reduce      f_i is on its way; others wait for it
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor, nn

from zoo.models.ladder_residual.ladder import LadderResidual
from zoo.models.ladder_residual.model import LadderLlama, LadderTransformer
from zoo.modules.connections import Sublayer


class Handle(Protocol):
    """A sum over the ranks that is on its way."""

    def wait(self) -> Any:
        """Return once the tensor holds the sum."""


Network = TypeVar("Network", LadderTransformer, LadderLlama)
AllReduce = Callable[[Tensor], Handle]  # starts to sum a tensor over the ranks, in place


class InFlight(NamedTuple):
    """The state that has arrived, and the outputs whose sums have not, with their handles."""

    x: Tensor
    outputs: tuple[tuple[Tensor, Handle], ...] = ()

    def wait(self, most: int) -> "InFlight":
        """Wait until at most `most` outputs have not arrived."""
        x, outputs = self
        while len(outputs) > most:
            (out, handle), *rest = outputs
            handle.wait()
            x, outputs = x + out, tuple(rest)
        return InFlight(x, outputs)


class OverlappedResidual(LadderResidual):
    """The same stream where outputs are parts of sums over ranks: for inference."""

    def __init__(self, stream: LadderResidual, all_reduce: AllReduce) -> None:
        nn.Module.__init__(self)
        self.first, self.all_reduce = stream.first, all_reduce

    def expand(self, x: Tensor) -> Any:
        return InFlight(x)

    def read(self, sublayer: Sublayer, stream: Any) -> tuple[Tensor, Any]:
        arrived = stream.wait(most=1 if self.is_ladder(sublayer) else 0)
        return arrived.x, arrived

    def write(self, sublayer: Sublayer, stream: Any, residual: Any, out: Tensor) -> Any:
        return InFlight(residual.x, (*residual.outputs, (out, self.all_reduce(out))))

    def collapse(self, stream: Any) -> Tensor:
        x: Tensor = stream.wait(most=0).x
        return x


def part(layer: nn.Linear, rank: int, ranks: int, *, rows: bool) -> nn.Linear:
    """Return the rank's outputs (`rows`) or inputs of a layer without bias."""
    if layer.weight.shape[0 if rows else 1] % ranks:
        raise ValueError(f"{ranks} ranks must divide the heads and the width of SwiGLU")
    weight = layer.weight.detach().chunk(ranks, 0 if rows else 1)[rank].clone()
    piece = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
    piece.weight = nn.Parameter(weight, requires_grad=False)
    return piece


@torch.no_grad()
def shard(network: Network, rank: int, ranks: int, all_reduce: AllReduce) -> Network:
    """Turn a network into one rank's part of it, in place; all ranks give its logits.

    Args:
        network: The whole network, the same on each rank.
        rank: From 0.
        ranks: Number of ranks.
        all_reduce: Starts the sum of a tensor over the ranks, as
            functools.partial(torch.distributed.all_reduce, async_op=True) does.

    Returns:
        The network.

    Raises:
        ValueError: If the heads cannot be divided.

    Example:
        >>> import zoo
        >>> class Arrived:
        ...     def wait(self): ...
        >>> net = shard(zoo.create("ladder_nano"), 0, 1, lambda out: Arrived())
        >>> net.layers[0].attention.heads
        4
    """
    blocks: Any = network.layers
    if (heads := blocks[0].attention.kv_heads) % ranks:
        raise ValueError(f"{ranks} ranks must divide the {heads} heads of keys and values")
    for block in blocks:
        attention, swiglu = block.attention, block.feed_forward
        for module, outer, last in (
            (attention, ("wq", "wk", "wv"), "wo"),
            (swiglu, ("w1", "w3"), "w2"),
        ):
            for name in outer:
                setattr(module, name, part(getattr(module, name), rank, ranks, rows=True))
            setattr(module, last, part(getattr(module, last), rank, ranks, rows=False))
        attention.heads //= ranks
        attention.kv_heads //= ranks
    stream: Any = network.connections
    network.connections = OverlappedResidual(stream, all_reduce)
    return network
