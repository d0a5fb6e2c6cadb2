"""Stages of 1802.07088 (Eq. 1), each of which can be undone.

x_1 -> psi -> (+) ----> y_2       psi: pixels of blocks as channels, where a stage begins
              F                   F: BN ReLU 3x3 three times, the first with the stride
x_2 -> psi ---+-------> y_1
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.modules.post_activation import conv
from zoo.modules.reversible import Coupling, State, Step, invert, run
from zoo.modules.space_to_depth import depth_to_space, space_to_depth

NARROW = 4  # channels of a half by those inside F


class Bottleneck(Coupling):
    """x_1 + F(x_2), each (B, width, H, W).

    Args:
        c_in: Channels of x_2 before psi.
        width: Channels of x_1 and of x_2 after psi.
        stride: Of the first 3x3, which sees x_2 before psi.
        dropout: Before the last BN.
        activated: F begins with BN and ReLU, as in all blocks but the network's first.
    """

    def __init__(
        self, c_in: int, width: int, stride: int, dropout: float, *, activated: bool
    ) -> None:
        super().__init__()
        self.stride, inner = stride, width // NARROW
        self.bn1 = nn.BatchNorm2d(c_in) if activated else None
        self.conv1 = conv(c_in, inner, 3, stride)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv2 = conv(inner, inner, 3)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.bn3 = nn.BatchNorm2d(inner)
        self.conv3 = conv(inner, width, 3)

    def residual(self, *sources: Tensor) -> Tensor:
        """F of x_2 after psi."""
        (x,) = sources
        x = depth_to_space(x, self.stride)
        x = self.conv1(x if self.bn1 is None else F.relu(self.bn1(x)))
        x = self.dropout(self.conv2(F.relu(self.bn2(x))))
        return self.conv3(F.relu(self.bn3(x)))


class Stem(nn.Module):
    """(B, in_chans, H, W) -> (B, c_out, H' / block, W' / block), invertible.

    H' and W' are the next multiples of `multiple`. Pixels and channels that are missing are zeros.
    """

    def __init__(self, in_chans: int, c_out: int, block: int, multiple: int) -> None:
        super().__init__()
        self.block, self.multiple = block, multiple
        self.channels, self.zeros = in_chans * block**2, c_out - in_chans * block**2
        if self.zeros < 0:
            raise ValueError(f"in_chans must be at most {c_out // block**2}, not {in_chans}")

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        x = F.pad(x, (0, -width % self.multiple, 0, -height % self.multiple))
        return F.pad(space_to_depth(x, self.block), (0, 0, 0, 0, 0, self.zeros))

    def inverse(self, y: Tensor) -> Tensor:
        """Return the image; it has the pixels that were added."""
        return depth_to_space(y[:, : self.channels], self.block)


class Stage(nn.Module):
    """(B, 2 c_in, H, W) -> (B, c_out, H / stride, W / stride), c_out = 2 stride^2 c_in.

    Halves of the channels are x_1 and x_2 of the first block, and of the one after the last. The
    `first` stage keeps the activations of two blocks: of the stem's zeros they make channels that
    are the same everywhere, of which BN would blow up what the inverse rounds.
    """

    def __init__(self, c_in: int, blocks: int, stride: int, dropout: float, *, first: bool) -> None:
        super().__init__()
        self.stride, self.kept, width = stride, 2 * first, c_in * stride**2
        self.c_out = 2 * width
        self.blocks = nn.ModuleList(
            Bottleneck(
                width if i else c_in,
                width,
                1 if i else stride,
                dropout,
                activated=not first or i > 0,
            )
            for i in range(blocks)
        )

    def steps(self) -> list[Step]:
        """Return the blocks; each changes the half that the last one read."""
        return [Step(block, i % 2, (1 - i % 2,)) for i, block in enumerate(self.blocks)]  # type: ignore[arg-type]

    def ordered(self, state: Sequence[Any]) -> State:
        """Exchange the halves if the number of blocks is odd."""
        return [state[1], state[0]] if len(self.blocks) % 2 else list(state)

    def forward(self, x: Tensor, runner: Callable[[list[Step], State], State] = run) -> Tensor:
        first, second = x.chunk(2, 1)
        state: State = [space_to_depth(half, self.stride) for half in (first, second)]
        steps = self.steps()
        state = runner(steps[self.kept :], run(steps[: self.kept], state))
        return torch.cat(self.ordered(state), 1)

    def inverse(self, y: Tensor) -> Tensor:
        """Return the x whose output this is."""
        state = invert(self.steps(), self.ordered(y.chunk(2, 1)))
        return torch.cat([depth_to_space(half, self.stride) for half in state], 1)
