"""Residual networks for keyword spotting, Tang and Lin, ICASSP 2018, 1710.10361.

x -> conv0 -> ReLU [-> average of pool] -> blocks [-> one more convolution] -> BN -> average -> fc

block: x -> BN -> conv ReLU -> BN -> conv ReLU -> (+)        no convolution has a bias, no BatchNorm
         \\________________________________________/          a scale or a shift
"""

from torch import Tensor, nn

from zoo.modules.classifier import Classifier, Head


def conv(c_in: int, c_out: int, dilation: int = 1) -> nn.Conv2d:
    """A 3x3 that keeps the size."""
    return nn.Conv2d(c_in, c_out, 3, padding=dilation, dilation=dilation, bias=False)


def norm(width: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(width, affine=False)


class Block(nn.Module):
    """(B, width, T, F) -> the same shape. The branch ends in a ReLU; the skip has no BatchNorm.

    The `first` block has none before its first convolution either (SpeechResModel of
    castorini/honk).
    """

    def __init__(self, width: int, dilations: tuple[int, int], *, first: bool) -> None:
        super().__init__()
        self.c_out = width
        self.bn1 = nn.Identity() if first else norm(width)
        self.conv1 = conv(width, width, dilations[0])
        self.act1 = nn.ReLU(inplace=True)
        self.bn2 = norm(width)
        self.conv2 = conv(width, width, dilations[1])
        self.act2 = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        out = self.act1(self.conv1(self.bn1(x)))
        return x + self.act2(self.conv2(self.bn2(out)))


class Single(nn.Module):
    """The last convolution of res15, without a shortcut: (B, width, T, F) -> the same shape."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.c_out = width
        self.bn1 = norm(width)
        self.conv1 = conv(width, width, dilation)
        self.act1 = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.act1(self.conv1(self.bn1(x)))
        return out


class KeywordResNet(Classifier):
    """res8, res15, res26: (B, in_chans, T frames, F coefficients) -> (B, num_classes).

    `pool` is the window of the average after conv0: frames, coefficients. If `dilated`, convolution
    i of the blocks, from 0, has a dilation of 2^(i // 3), and one more convolution follows them.
    Depth is 2 blocks + 2, or 3. Raises ValueError without a block, or for a pool below 1.
    """

    def __init__(
        self,
        *,
        blocks: int = 6,
        width: int = 45,
        pool: tuple[int, int] = (1, 1),
        dilated: bool = False,
        num_classes: int = 12,
        in_chans: int = 1,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        if blocks < 1:
            raise ValueError(f"blocks must be 1 or more (res8 has 3, res26 has 12), not {blocks}")
        if min(pool) < 1:
            raise ValueError(f"pool must be 1 or more on each axis (res8: 4 and 3), not {pool}")
        dilations = [2 ** (i // 3) if dilated else 1 for i in range(2 * blocks + 1)]
        pairs = zip(dilations[::2], dilations[1::2], strict=False)
        stages: dict[str, nn.Module] = {
            f"blocks.{i}": Block(width, pair, first=not i) for i, pair in enumerate(pairs)
        }
        if dilated:
            stages[f"blocks.{blocks}"] = Single(width, dilations[-1])
        super().__init__(
            stem={"conv0": conv(in_chans, width), "act0": nn.ReLU(inplace=True)},
            pool=nn.AvgPool2d(pool) if max(pool) > 1 else nn.Identity(),
            stages=stages,
            tail={"bn": norm(width)},
            head=Head(num_classes, global_pool, drop_rate),
        )

    @staticmethod
    def initialise(module: nn.Module) -> None:
        """Keep torch's initialisation, as the authors' code does."""
