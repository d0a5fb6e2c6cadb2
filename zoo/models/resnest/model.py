"""ResNeSt: Split-Attention Networks, Zhang et al., 2004.08955.

The 3x3 of a bottleneck makes R splits of K cardinal groups; attention over the splits sums them.

                        /-> U_1 -> (* a_1) -\\
x -> 1x1 -> 3x3 BN ReLU -> ...               (+) -> V -> 1x1 -> (+) -> ReLU
 \\                      \\-> U_R -> (* a_R) -/                   /
  \\__ average 2x2, 1x1 _______________________________________/

2s1x64d: R = 2 splits, K = 1 group, 64 channels of it in the first stage
"""

import re
from functools import partial

from timm.layers import DropPath
from torch import Tensor, nn

from zoo.models.resnest.split_attention import SplitAttention
from zoo.modules.classifier import Head
from zoo.modules.post_activation import PostActivation, conv, deep_stem
from zoo.modules.shortcuts import averaged_projection
from zoo.modules.stages import pick, stack

# depth -> (blocks of each stage, width of the first two layers); 14 and 26 are GluonCV's.
DEPTHS = {
    14: ((1, 1, 1, 1), 32),
    26: ((2, 2, 2, 2), 32),
    50: ((3, 4, 6, 3), 32),
    101: ((3, 4, 23, 3), 64),
    200: ((3, 24, 36, 3), 64),
    269: ((3, 30, 48, 8), 64),
}


class SplitBlock(nn.Module):
    """A bottleneck with split attention: (B, c_in, H, W) -> (B, 4 width, H / stride, W / stride).

    At a stride, a 3x3 average after the split attention halves the image (Sec. 4.1); `fast` puts
    it before.
    """

    def __init__(
        self,
        c_in: int,
        width: int,
        stride: int,
        drop_path: float,
        *,
        setting: tuple[int, int, int],
        fast: bool,
    ) -> None:
        super().__init__()
        self.c_out, self.stride = 4 * width, stride
        radix, cardinality, base_width = setting
        channels = width * base_width // 64 * cardinality
        pool = nn.AvgPool2d(3, stride, 1) if stride > 1 else nn.Identity()
        self.conv1 = conv(c_in, channels, 1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.act = nn.ReLU(inplace=True)
        self.pool_before = pool if fast else nn.Identity()
        self.conv2 = SplitAttention(channels, radix=radix, cardinality=cardinality)
        self.pool_after = nn.Identity() if fast else pool
        self.conv3 = conv(channels, self.c_out, 1)
        self.bn3 = nn.BatchNorm2d(self.c_out)
        self.downsample = averaged_projection(c_in, self.c_out, stride)
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()

    def residual(self, x: Tensor) -> Tensor:
        """The branch that is added to the shortcut."""
        x = self.pool_before(self.act(self.bn1(self.conv1(x))))
        return self.bn3(self.conv3(self.pool_after(self.conv2(x))))

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.drop_path(self.residual(x)).add_(self.downsample(x)))


class ResNeSt(PostActivation):
    """(B, in_chans, 224, 224) -> (B, num_classes).

    `setting` is the paper's "2s1x64d": splits, cardinality, width. Raises ValueError for other
    texts, and for a depth that is not of DEPTHS.
    """

    def __init__(
        self,
        *,
        depth: int,
        setting: str = "2s1x64d",
        fast: bool = False,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        depths, stem_width = pick(DEPTHS, depth, "depth (Sec. 5.1)")
        block = partial(SplitBlock, setting=parse_setting(setting), fast=fast)
        super().__init__(
            stem=deep_stem(in_chans, stem_width),
            pool=nn.MaxPool2d(3, 2, 1),
            stages=stack(
                block,
                depths=depths,
                widths=(64, 128, 256, 512),
                c_in=2 * stem_width,
                drop_path_rate=drop_path_rate,
            ),
            head=Head(num_classes, global_pool, drop_rate),
        )

    @staticmethod
    def initialise(module: nn.Module) -> None:
        """As PostActivation; at first each block is its shortcut (--last-gamma of the authors)."""
        PostActivation.initialise(module)
        if isinstance(module, SplitBlock):
            nn.init.zeros_(module.bn3.weight)


def parse_setting(setting: str) -> tuple[int, int, int]:
    """Return (radix, cardinality, width) of a setting such as "2s1x64d"."""
    match = re.fullmatch(r"([1-9]\d*)s([1-9]\d*)x([1-9]\d*)d", setting)
    if not match:
        raise ValueError(
            f'setting must be splits, cardinality and width, such as "2s1x64d", not {setting!r}'
        )
    radix, cardinality, width = map(int, match.groups())
    return radix, cardinality, width
