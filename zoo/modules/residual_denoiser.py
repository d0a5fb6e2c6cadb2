"""A denoiser that estimates the noise: y -> layers = R(y), the noise -> y - R(y)."""

from collections.abc import Sequence
from itertools import pairwise

from timm.models import checkpoint_seq
from torch import Tensor, nn


class ResidualDenoiser(nn.Module):
    """Pixels in 0..1 with noise, (B, C, H, W) -> (B, C, H, W) without, not clipped.

    Args:
        layers: Convolutions, each with the norm and the activation that follow it.
    """

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.grad_checkpointing = False

    def residual(self, y: Tensor) -> Tensor:
        """Return the estimated noise: (B, C, H, W) -> (B, C, H, W)."""
        noise: Tensor
        if self.grad_checkpointing and self.training:
            noise = checkpoint_seq(self.units(), y)
        else:
            noise = self.layers(y)
        return noise

    def units(self) -> list[nn.Sequential]:
        """Return the layers by convolution: each with its norm and activation."""
        starts = [i for i, layer in enumerate(self.layers) if isinstance(layer, nn.Conv2d)]
        return [self.layers[i:end] for i, end in pairwise([*starts, len(self.layers)])]

    def forward(self, y: Tensor) -> Tensor:
        return y - self.residual(y)

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Trade computation for memory in training."""
        self.grad_checkpointing = enable
