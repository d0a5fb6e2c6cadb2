"""ResNetV2 with orthogonal residual updates, Oh et al., NeurIPS 2025, 2505.11881.

image -> 3x3, BN ReLU -> 4 stages of pre-activation units, 64 .. 512 filters -> average -> fc
                          x -> BN ReLU conv .. -> f    x + f - <x, f> / (|x|^2 + eps) x

The networks are as in the authors' preactresnet.py (github.com/BootsofLagrangian/ortho-residual
at 4f663d3), for images of 32 and 64 pixels. Unlike those of 1603.05027 they have biases in all
convolutions but no BN-ReLU after the last unit, and every shortcut starts at the input itself.
"""

from functools import partial

from torch import nn

from zoo.models.orthogonal_residual.update import update_of
from zoo.modules.classifier import Classifier, Head
from zoo.modules.pre_activation import PreUnit
from zoo.modules.shortcuts import Merge
from zoo.modules.stages import imagenet_depths, stack


def conv(c_in: int, c_out: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """Convolution with a bias, padded to keep the size (but for its stride)."""
    return nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2)


def projection(c_in: int, c_out: int, stride: int) -> nn.Module:
    """A 1x1 convolution, with a bias, where the dimensions change."""
    return nn.Identity() if (c_in, stride) == (c_out, 1) else conv(c_in, c_out, 1, stride)


def unit(
    c_in: int, width: int, stride: int, drop_path: float, *, deep: bool, merge: Merge
) -> PreUnit:
    """Two 3x3, or (`deep`) 1x1, 3x3, 1x1 to 4 `width`, with the stride in the first layer.

    (B, c_in, H, W) -> (B, c_out, H / stride, W / stride).
    """
    convs = [conv(c_in, width, 3, stride), conv(width, width, 3)]
    if deep:
        first, last = conv(c_in, width, 1, stride), conv(width, 4 * width, 1)
        convs = [first, conv(width, width, 3), last]
    block = PreUnit(convs, shortcut=projection, drop_path=drop_path, merge=merge)
    block.shares = False  # Fig. 1: the stream is x, never its BN-ReLU
    return block


class OrthogonalResNet(Classifier):
    """(B, in_chans, H, W) -> (B, num_classes).

    `update` is orthogonal over each pixel's channels ("feature", Orthogonal-F), over the whole
    image ("global", Orthogonal-G), or the plain sum ("linear"); none has parameters. Raises
    ValueError for a depth or an update that the paper lacks.
    """

    def __init__(
        self,
        *,
        depth: int,
        update: str = "feature",
        num_classes: int = 10,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        depths = imagenet_depths(depth, (18, 34, 50, 101), "Sec. 4")
        super().__init__(
            stem={
                "conv1": conv(in_chans, 64, 3),
                "bn1": nn.BatchNorm2d(64),
                "act1": nn.ReLU(inplace=True),
            },
            pool=nn.Identity(),
            stages=stack(
                partial(unit, deep=depth >= 50, merge=update_of(update)),
                depths=depths,
                widths=(64, 128, 256, 512),
                c_in=64,
                drop_path_rate=drop_path_rate,
            ),
            tail={},
            head=Head(num_classes, global_pool, drop_rate),
        )

    @staticmethod
    def initialise(module: nn.Module) -> None:
        """Leave PyTorch's own initialisation, as the authors' code does; He's is 2.4 times it."""
