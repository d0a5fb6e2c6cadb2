"""DnCNN (Zhang et al., TIP 2017, 1608.03981): a network that estimates the noise.

y -> conv, relu -> (conv, BatchNorm, relu) x (depth - 2) -> conv = R(y)      x = y - R(y)
"""

import math
from functools import partial
from typing import Any

import torch
from torch import nn

from zoo.modules.residual_denoiser import ResidualDenoiser

BIASES = {  # of the convolutions: (first, before BatchNorm, last)
    "none": (False, False, False),
    "first": (True, False, False),
    "ends": (True, False, True),
    "all": (True, True, True),
}


class DnCNN(ResidualDenoiser):
    """Fig. 1: pixels in 0..1 with noise, (B, C, H, W) -> (B, C, H, W) without, not clipped.

    Without `norm`, every BatchNorm is folded into the convolution before it: see `folded`.
    `epsilon` is BatchNorm's; the authors' code has 1e-4.
    """

    def __init__(
        self,
        *,
        depth: int = 17,
        in_chans: int = 1,
        width: int = 64,
        biases: str = "first",
        norm: bool = True,
        epsilon: float = 1e-5,
    ) -> None:
        if depth < 3:
            raise ValueError(
                f"depth must be 3 or more (Sec. III-B: three types of layers): {depth}"
            )
        if biases not in BIASES:
            raise ValueError(f"biases must be one of {', '.join(BIASES)}, not {biases!r}")
        first, middle, last = BIASES[biases]
        layers: list[nn.Module] = [conv(in_chans, width, first), nn.ReLU(inplace=True)]
        for _ in range(depth - 2):
            norms = [nn.BatchNorm2d(width, epsilon)] if norm else []
            layers += [conv(width, width, middle), *norms, nn.ReLU(inplace=True)]
        super().__init__([*layers, conv(width, in_chans, last)])
        self.apply(partial(draw, deviation=math.sqrt(2 / (9 * width))))


def conv(c_in: int, c_out: int, bias: bool) -> nn.Conv2d:
    """3x3, padded with zeros (Sec. III-B)."""
    return nn.Conv2d(c_in, c_out, 3, padding=1, bias=bias)


def draw(layer: nn.Module, deviation: float) -> None:
    """Initialise as the authors' code: kernels and scales of one deviation, all else 0.

    So the estimated noise is near 0 at first. With scales of 1 it is not, and training takes many
    times as long.
    """
    if isinstance(layer, nn.Conv2d | nn.BatchNorm2d):
        nn.init.normal_(layer.weight, std=deviation)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


@torch.no_grad()
def folded(model: DnCNN) -> DnCNN:
    """Return an equal network without BatchNorm, as it is deployed."""
    convs = [layer for layer in model.layers if isinstance(layer, nn.Conv2d)]
    norms: list[Any] = [layer for layer in model.layers if isinstance(layer, nn.BatchNorm2d)]
    plain = DnCNN(
        depth=len(convs),
        in_chans=convs[0].in_channels,
        width=convs[0].out_channels,
        biases="all",
        norm=False,
    ).to(convs[0].weight)
    targets: list[Any] = [layer for layer in plain.layers if isinstance(layer, nn.Conv2d)]
    for target, layer in zip(targets, convs, strict=True):
        target.weight.copy_(layer.weight)
        if target.bias is not None and layer.bias is not None:
            target.bias.copy_(layer.bias)
    for target, norm in zip(targets[1:-1], norms, strict=False):  # all of them have one, or none
        deviation: Any = (norm.running_var + norm.eps).sqrt()
        target.weight.mul_((norm.weight / deviation).view(-1, 1, 1, 1))
        target.bias.sub_(norm.running_mean).mul_(norm.weight / deviation).add_(norm.bias)
    return plain.eval()
