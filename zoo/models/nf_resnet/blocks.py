"""Blocks of NF-ResNets and NF-RegNets (2101.08692), in timm's form and in the authors'.

x -> beta act -+-> 1x1 -> act 3x3 [-> 2 SE] -> act 1x1 -> alpha -> (+)     beta = 1 / std of x
     \\_________ | _____________________________________________/
               +-> [mean 2x2] 1x1 where the dimensions change (the variance is 1 again)

Each convolution's weights are standardised; gamma = 1 / std of act(N(0, 1)).
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from timm.layers import DropPath
from torch import Tensor, nn

from zoo.modules.squeeze_excitation import SqueezeExcitation
from zoo.modules.weight_standardization import ScaledStdConv2d

ALPHA = 0.2  # growth of the variance is alpha^2 per block (Sec. 4)
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "silu": nn.SiLU}
# As the authors sampled them (base.py), and timm has them. Exactly, ReLU's is sqrt(2 / (1 - 1/pi)).
GAMMAS = {"relu": 1.7139588594436646, "silu": 1.7881293296813965}


class ScaledActivation(nn.Module):
    """gamma * act(x): of variance 1 for an input of N(0, 1)."""

    def __init__(self, activation: str) -> None:
        super().__init__()
        self.act, self.gamma = ACTIVATIONS[activation](), GAMMAS[activation]

    def forward(self, x: Tensor) -> Tensor:
        return self.act(x) * self.gamma


class Form(NamedTuple):
    """Where gamma stands, and how a branch begins as zero: of one function up to constants."""

    conv: Callable[..., ScaledStdConv2d]
    act: Callable[[], nn.Module]
    skip_init: bool  # a scalar of 0 after each branch (SkipInit), not gains of 0 in its last layer
    divisor: int  # NF-RegNet's channels are multiples of it
    pooled: bool  # NF-ResNet's shortcuts average 2 x 2 pixels, as NF-RegNet's do


def timm_form(activation: str) -> Form:
    """Return the form of timm's networks and weights."""
    conv = partial(ScaledStdConv2d, gamma=GAMMAS[activation])
    return Form(conv, ACTIVATIONS[activation], skip_init=False, divisor=8, pooled=True)


def authors_form(activation: str) -> Form:
    """Return the form of the authors' code."""
    act = partial(ScaledActivation, activation)
    return Form(ScaledStdConv2d, act, skip_init=True, divisor=1, pooled=False)


FORMS: dict[str, Callable[[str], Form]] = {"timm": timm_form, "authors": authors_form}


class Block(nn.Module):
    """Sec. 4: (B, c_in, H, W) -> (B, c_out, H / stride, W / stride).

    `std` is the standard deviation that x is expected to have. With `groups`, the branch has an SE
    of half its width.
    """

    def __init__(
        self,
        c_in: int,
        width: int,
        c_out: int,
        *,
        stride: int,
        std: float,
        form: Form,
        groups: int = 0,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.c_out, self.stride, self.beta = c_out, stride, 1 / std
        self.act1, self.act2, self.act3 = form.act(), form.act(), form.act()
        self.downsample: nn.Sequential | None = None
        if (c_in, stride) != (c_out, 1):
            pooled = stride > 1 and (form.pooled or groups > 0)
            self.downsample = nn.Sequential()
            if pooled:
                pool = nn.AvgPool2d(2, stride, ceil_mode=True, count_include_pad=False)
                self.downsample.add_module("pool", pool)
            conv = form.conv(c_in, c_out, 1, 1 if pooled else stride)
            self.downsample.add_module("conv", conv)
        self.conv1 = form.conv(c_in, width, 1)
        self.conv2 = form.conv(width, width, 3, stride, groups=groups or 1)
        self.attn = (
            SqueezeExcitation(width, to_multiple(width / 2, form.divisor)) if groups else None
        )
        self.conv3 = form.conv(width, c_out, 1, gain=float(form.skip_init))
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()
        self.skipinit_gain = nn.Parameter(torch.zeros(())) if form.skip_init else None

    def forward(self, x: Tensor) -> Tensor:
        active = self.act1(x) * self.beta
        out = self.conv2(self.act2(self.conv1(active)))
        if self.attn is not None:
            out = 2 * self.attn(out)  # the gate is 1/2 at first
        out = self.drop_path(self.conv3(self.act3(out)))
        if self.skipinit_gain is not None:
            out = out * self.skipinit_gain
        return out * ALPHA + (x if self.downsample is None else self.downsample(active))


def to_multiple(channels: float, divisor: int) -> int:
    """Round to the nearest multiple, but never by more than a tenth down, as timm does.

    With a divisor of 1, cut the fraction off.
    """
    if divisor == 1:
        return int(channels)
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def stack(
    make_block: Callable[..., Block],
    *,
    c_in: int,
    channels: Sequence[int],
    depths: Sequence[int],
    strides: Sequence[int],
    drop_path_rate: float,
) -> dict[str, nn.Sequential]:
    """Build the stages; the variance is 1 after the first block of each, but for its branch.

    Args:
        make_block: Called with c_in, c_out, and `stride`, `std`, `first` and `drop_path`.
        c_in: Channels after the stem.
        channels: Of each stage.
        depths: Number of blocks of each stage.
        strides: Of the first block of each stage.
        drop_path_rate: Of the last block; it grows linearly from 0 in the first.
    """
    stages: dict[str, nn.Sequential] = {}
    variance, count, last = 1.0, 0, max(sum(depths) - 1, 1)
    for i, (c_out, depth, stride) in enumerate(zip(channels, depths, strides, strict=True)):
        blocks: list[Any] = []
        for j in range(depth):
            block = make_block(
                c_in,
                c_out,
                stride=1 if j else stride,
                std=variance**0.5,
                first=count == 0,
                drop_path=drop_path_rate * count / last,
            )
            blocks.append(block)
            c_in, count = c_out, count + 1
            variance = (variance if j else 1.0) + ALPHA**2
        stages[f"stages.{i}"] = nn.Sequential(*blocks)
    return stages
