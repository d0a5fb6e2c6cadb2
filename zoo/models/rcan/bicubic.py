"""Bicubic interpolation as a network: the baseline of super-resolution."""

import torch
from torch import Tensor, nn

from zoo.data.imresize import taps


class Bicubic(nn.Module):
    """MATLAB's imresize without rounding or clipping, as for images that are not uint8.

    (B, C, H, W) -> (B, C, scale * H, scale * W), no parameters.
    """

    def __init__(self, *, scale: int = 2) -> None:
        super().__init__()
        if scale < 1:
            raise ValueError(f"scale must be a whole number from 1, not {scale}")
        self.scale, self.scales = scale, (scale,)

    def forward(self, x: Tensor) -> Tensor:
        for dim in (2, 3):
            indices, weights = taps(x.shape[dim], self.scale * x.shape[dim], self.scale)
            along = [-1 if d == dim else 1 for d in range(4)]
            terms = [
                x.index_select(dim, index.to(x.device)) * weight.to(x).view(along)
                for index, weight in zip(indices, weights, strict=True)
            ]
            x = torch.stack(terms).sum(0)
        return x
