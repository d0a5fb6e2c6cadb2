"""Residual blocks that gates skip.

x -+-> F, a whole residual block -> (*) g -> (+) -> next x      Eq. 1
   |                                          |
   +-> shortcut -----------------> (*) 1 - g -+
   +-> gate -> S(x) -> g
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from zoo.models.skipnet.gates import Memory, feed_forward_gate, recurrent_gate
from zoo.modules.post_activation import Basic, Bottleneck
from zoo.modules.shortcuts import projection
from zoo.modules.stages import Block, pick, stack

GATES: dict[str, Callable[[int], nn.Module] | None] = {
    "ff1": lambda width: feed_forward_gate(width, pooled=True),
    "ff2": lambda width: feed_forward_gate(width, pooled=False),
    "rnn": recurrent_gate,
    "none": None,
}


class State(NamedTuple):
    """What goes from block to block."""

    x: Tensor  # (B, C, H, W)
    memory: Memory = None  # of a recurrent gate
    gates: tuple[tuple[Tensor, Tensor], ...] = ()  # S(x) and G(x), (B, 1) each, so far


class Gated:
    """Eq. 1: g F(x) + (1 - g) s, where s is the block's shortcut, that is x if the sizes allow.

    (B, c_in, H, W), g (B, 1) -> (B, c_out, H / stride, W / stride).
    """

    beside = ("downsample", "gate")

    def base(self: Any, x: Tensor) -> Tensor:
        """The block of the base network: always executed, whatever the gate says."""
        output: Tensor = self.execute(x, self.downsample(x))
        return output

    def execute(self: Any, x: Tensor, skip: Tensor) -> Tensor:
        """F(x), with its shortcut and ReLU."""
        return torch.relu(self.merge(self.residual(x), skip))

    def forward(self: Any, x: Tensor, gate: Tensor) -> Tensor:
        skip, gate = self.downsample(x), gate[:, :, None, None]
        return gate * self.execute(x, skip) + (1 - gate) * skip


class GatedBasic(Gated, Basic):  # type: ignore[misc]
    """Two 3x3."""


class GatedBottleneck(Gated, Bottleneck):  # type: ignore[misc]
    """1x1, 3x3, 1x1."""


def gated_blocks(
    depths: Sequence[int], widths: Sequence[int], gate: str, *, bottleneck: bool = False
) -> dict[str, nn.Module]:
    """Return all blocks by name, "layer1.0" to "layerN.M"; the first one has no gate."""
    make_gate = pick(GATES, gate, "gate (Fig. 3)")
    base: Block = partial(Bottleneck if bottleneck else Basic, shortcut=projection)

    def gated(c_in: int, width: int, stride: int, drop_path: float) -> nn.Module:
        kind: Any = GatedBottleneck if bottleneck else GatedBasic
        block = kind(c_in, width, stride, drop_path, shortcut=projection)
        block.gate = make_gate(c_in) if make_gate else None
        return cast(nn.Module, block)

    stages = stack(
        gated if make_gate else base,
        depths=depths,
        widths=widths,
        c_in=widths[0],
        drop_path_rate=0.0,
        first=base,
    )
    return {f"{name}.{i}": block for name, stage in stages.items() for i, block in enumerate(stage)}
