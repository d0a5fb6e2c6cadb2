"""Bottleneck units of P3D ResNets (1711.10305, Sec. 3.2): 3x3x3 is S, 1x3x3, and T, 3x1x1.

x -> 1x1x1 -> [S and T, or S alone] -> 1x1x1 -> (+) -> ReLU
 \\_______________ shortcut ____________________/

A  T(S(x))                  T follows S
B  S(x) + T(x)              side by side
C  (S(x) + T(S(x))) / 2     both: T follows S, which has a path of its own
2D S(x)                     an image's unit, on every frame
"""

from collections.abc import Callable

from torch import Tensor, nn

from zoo.modules.stages import pick

Part = Callable[[Tensor], Tensor]  # (B, width, T, H, W) -> the same shape
Mix = Callable[[Part, Part, Tensor], Tensor]  # (S, T, x)


def cascade(spatial: Part, temporal: Part, x: Tensor) -> Tensor:
    """P3D-A."""
    return temporal(spatial(x).relu())


def side_by_side(spatial: Part, temporal: Part, x: Tensor) -> Tensor:
    """P3D-B. S ends in a ReLU, T does not."""
    return spatial(x).relu() + temporal(x)


def both(spatial: Part, temporal: Part, x: Tensor) -> Tensor:
    """P3D-C. The authors' networks halve the sum; BatchNorm takes it out again."""
    y = spatial(x).relu()
    return 0.5 * (y + temporal(y))


def frames(spatial: Part, temporal: Part, x: Tensor) -> Tensor:
    """A unit of ResNet, on each frame."""
    return spatial(x)


MIXES: dict[str, Mix] = {"a": cascade, "b": side_by_side, "c": both, "2d": frames}


def conv(c_in: int, c_out: int, kernel: tuple[int, int, int], stride: int = 1) -> nn.Sequential:
    """Convolution without bias, then BatchNorm; the stride is that of height and width.

    Time is padded beforehand: torch 2.15 has no finite gradients in bf16 of a padded one on CPUs.
    """
    time, space = kernel[0] // 2, (0, kernel[1] // 2, kernel[2] // 2)
    pad = [nn.ZeroPad3d((0, 0, 0, 0, time, time))] if time else []
    layer = nn.Conv3d(c_in, c_out, kernel, (1, stride, stride), space, bias=False)
    return nn.Sequential(*pad, layer, nn.BatchNorm3d(c_out))


class Unit(nn.Module):
    """(B, c_in, T, H, W) -> (B, 4 width, T, H / stride, W / stride).

    `kind` is "a", "b", "c" or "2d"; a ValueError lists them.
    """

    def __init__(self, c_in: int, width: int, stride: int, kind: str) -> None:
        super().__init__()
        self.mix, self.c_out = pick(MIXES, kind, "kinds (Sec. 3.2)"), 4 * width
        self.reduce = conv(c_in, width, (1, 1, 1), stride)
        self.spatial = conv(width, width, (1, 3, 3))
        self.temporal = nn.Identity() if kind == "2d" else conv(width, width, (3, 1, 1))
        self.expand = conv(width, self.c_out, (1, 1, 1))
        same = (c_in, stride) == (self.c_out, 1)
        self.downsample = nn.Identity() if same else conv(c_in, self.c_out, (1, 1, 1), stride)

    def forward(self, x: Tensor) -> Tensor:
        y = self.mix(self.spatial, self.temporal, self.reduce(x).relu()).relu()
        return (self.expand(y) + self.downsample(x)).relu()
