"""Residual units of 1603.05027 (Fig. 4e): BatchNorm and ReLU come before each convolution.

x -> BN ReLU -> conv -> BN ReLU [dropout] -> conv -> (+)    keys: bn1 conv1 bn2 conv2 .. downsample
 \\___________________ shortcut _____________________/
"""

from collections.abc import Sequence
from typing import cast

import torch.nn.functional as F
from timm.layers import DropPath
from torch import Tensor, nn

from zoo.modules.classifier import Classifier, Head
from zoo.modules.shortcuts import Merge, Shortcut, addition


class PreUnit(nn.Module):
    """Eq. 9 with any chain of convolutions: (B, c_in, H, W) -> (B, c_out, H / stride, W / stride).

    Where the dimensions change, or with `shares`, the shortcut too starts after the first BN-ReLU
    (appendix). For an `activated` input, the unit has no first BN-ReLU. Dropout is after a ReLU,
    before every convolution but the first (1605.07146, Sec. 2.4).
    """

    bn1: nn.Module | None
    conv1: nn.Module

    def __init__(
        self,
        convs: Sequence[nn.Conv2d],
        *,
        shortcut: Shortcut,
        drop_path: float,
        dropout: float = 0.0,
        shares: bool = False,
        activated: bool = False,
        merge: Merge = addition,
    ) -> None:
        super().__init__()
        c_in, self.c_out = convs[0].in_channels, convs[-1].out_channels
        self.stride = max(conv.stride[0] for conv in convs)
        self.shares = shares or (c_in, self.stride) != (self.c_out, 1)
        self.convolutions = len(convs)
        for i, conv in enumerate(convs, 1):
            has_norm = i > 1 or not activated
            self.add_module(f"bn{i}", nn.BatchNorm2d(conv.in_channels) if has_norm else None)
            self.add_module(f"conv{i}", conv)
        self.downsample = shortcut(c_in, self.c_out, self.stride)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()
        self.merge = merge(self.c_out)

    def forward(self, x: Tensor) -> Tensor:
        active = x if self.bn1 is None else F.relu(self.bn1(x))
        out = self.conv1(active)
        for i in range(2, self.convolutions + 1):
            out = F.relu(self.get_submodule(f"bn{i}")(out), inplace=True)
            out = self.get_submodule(f"conv{i}")(self.dropout(out))
        return self.merge(self.drop_path(out), self.downsample(active if self.shares else x))


class PreActivation(Classifier):
    """stem -> stages -> BN ReLU (the extra activation of the appendix) -> average -> fc."""

    def __init__(
        self,
        *,
        stem: dict[str, nn.Module],
        pool: nn.Module,
        stages: dict[str, nn.Sequential],
        head: Head,
    ) -> None:
        *_, last = stages.values()
        channels = cast(PreUnit, last[-1]).c_out
        super().__init__(
            stem=stem,
            pool=pool,
            stages=stages,
            tail={"bn": nn.BatchNorm2d(channels), "act": nn.ReLU(inplace=True)},
            head=head,
        )
