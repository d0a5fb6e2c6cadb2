"""Res2Net: A New Multi-scale Backbone Architecture, Gao et al., 1904.01169.

The 3x3 of a bottleneck becomes a hierarchy over `scale` slices of its channels (Fig. 2b, Eq. 1).

x -> 1x1 -> split -+- x_1 --------------------> y_1 -+
                   +- x_2 -----------> K_2 ---> y_2 -+- concat -> 1x1 -> (+ x) -> ReLU
                   +- x_3 -> (+ y_2) -> K_3 --> y_3 -+

26w_4s: slices of 26 channels, a scale of 4 (Table 3)    8c: every K in 8 groups (Res2NeXt)
"""

from functools import partial

import torch
from timm.layers import DropPath
from torch import Tensor, nn

from zoo.modules.classifier import Head
from zoo.modules.post_activation import PostActivation, conv, imagenet_stem
from zoo.modules.shortcuts import Shortcut, projection
from zoo.modules.stages import imagenet_depths, stack

WIDTHS = (64, 128, 256, 512)


class Res2Block(nn.Module):
    """Fig. 2b: (B, c_in, H, W) -> (B, 4 width, H / stride, W / stride).

        y_1 = x_1    y_2 = K_2(x_2)    y_i = K_i(x_i + y_{i-1}), 2 < i <= scale

    Eq. 1 leaves the first slice as it is; published networks leave the last, which is the same
    function with its channels in another order. The first block of every stage, even at stride 1,
    differs in a way the paper does not show: nothing is added (y_i = K_i(x_i), each K at the
    block's stride), and the slice without K is averaged over 3x3 at that stride. Of (3, 4, 6, 3)
    blocks (2, 3, 5, 2) are hierarchical.
    """

    def __init__(
        self,
        c_in: int,
        width: int,
        stride: int,
        drop_path: float,
        *,
        shortcut: Shortcut,
        slice_width: int,
        scale: int,
        cardinality: int,
    ) -> None:
        super().__init__()
        self.c_out, self.stride = 4 * width, stride
        self.slice = width * slice_width // 64 * cardinality
        self.conv1 = conv(c_in, self.slice * scale, 1)
        self.bn1 = nn.BatchNorm2d(self.slice * scale)
        self.convs = nn.ModuleList(
            nn.Conv2d(self.slice, self.slice, 3, stride, 1, groups=cardinality, bias=False)
            for _ in range(scale - 1)
        )
        self.bns = nn.ModuleList(nn.BatchNorm2d(self.slice) for _ in range(scale - 1))
        self.relu = nn.ReLU(inplace=True)
        self.first = (c_in, stride) != (self.c_out, 1)
        self.pool = nn.AvgPool2d(3, stride, 1) if self.first else nn.Identity()
        self.conv3 = conv(self.slice * scale, self.c_out, 1)
        self.bn3 = nn.BatchNorm2d(self.c_out)
        self.downsample = shortcut(c_in, self.c_out, stride)
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()

    def multi_scale(self, x: Tensor) -> Tensor:
        """Eq. 1: (B, slice * scale, H, W) -> the same channels, H / stride, W / stride."""
        slices = x.chunk(len(self.convs) + 1, dim=1)
        outputs: list[Tensor] = []
        for i, (kernel, norm) in enumerate(zip(self.convs, self.bns, strict=True)):
            x_i = slices[i] if self.first or not outputs else slices[i] + outputs[-1]
            outputs.append(self.relu(norm(kernel(x_i))))
        return torch.cat([*outputs, self.pool(slices[len(outputs)])], dim=1)

    def residual(self, x: Tensor) -> Tensor:
        """The branch that is added to the shortcut."""
        out = self.multi_scale(self.relu(self.bn1(self.conv1(x))))
        return self.bn3(self.conv3(out))

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.drop_path(self.residual(x)).add_(self.downsample(x)))


class Res2Net(PostActivation):
    """ResNet's Table 1 with `scale` slices of `slice_width` channels in each 3x3 of stage one.

    (B, in_chans, 224, 224) -> (B, num_classes). Raises ValueError for depths but 50 and 101.
    """

    def __init__(
        self,
        *,
        depth: int,
        slice_width: int = 26,
        scale: int = 4,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        block = partial(Res2Block, shortcut=projection, slice_width=slice_width, scale=scale)
        super().__init__(
            stem=imagenet_stem(in_chans),
            pool=nn.MaxPool2d(3, 2, 1),
            stages=stack(
                partial(block, cardinality=1),
                depths=imagenet_depths(depth, (50, 101), "Sec. 4.2"),
                widths=WIDTHS,
                c_in=64,
                drop_path_rate=drop_path_rate,
            ),
            head=Head(num_classes, global_pool, drop_rate),
        )
