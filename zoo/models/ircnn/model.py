"""IRCNN's denoiser (Zhang et al., CVPR 2017, 1704.03264): seven dilated convolutions.

y -> conv, relu -> (conv of dilation 2, 3, 4, 3, 2, BatchNorm, relu) x 5 -> conv = R(y)
x = y - R(y)
"""

from torch import nn

from zoo.modules.residual_denoiser import ResidualDenoiser

DILATIONS = (1, 2, 3, 4, 3, 2, 1)  # a receptive field of 33 x 33 pixels


class IRCNN(ResidualDenoiser):
    """Fig. 1: pixels in 0..1 with noise, (B, C, H, W) -> (B, C, H, W) without, not clipped.

    A network is for one level of noise. Without `norm`, every BatchNorm is folded into the
    convolution before it, as in the published ones.
    """

    def __init__(self, *, in_chans: int = 1, width: int = 64, norm: bool = True) -> None:
        layers: list[nn.Module] = []
        first, *middle, last = DILATIONS
        layers += [conv(in_chans, width, first), nn.ReLU(inplace=True)]
        for dilation in middle:
            norms = [nn.BatchNorm2d(width)] if norm else []
            layers += [conv(width, width, dilation), *norms, nn.ReLU(inplace=True)]
        super().__init__([*layers, conv(width, in_chans, last)])
        self.apply(draw)


def conv(c_in: int, c_out: int, dilation: int) -> nn.Conv2d:
    """3x3 with a bias, padded with zeros to keep the size."""
    return nn.Conv2d(c_in, c_out, 3, padding=dilation, dilation=dilation)


def draw(layer: nn.Module) -> None:
    """Initialise by He et al. 2015 (1502.01852)."""
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
