"""Bicubic interpolation as a network: the row of every table that every other is compared with."""

import torch
from torch import Tensor, nn

from zoo.data.imresize import taps


class Bicubic(nn.Module):
    """MATLAB's imresize of an image that is not uint8, so nothing is rounded or clipped:
    (B, C, H, W) -> (B, C, scale * H, scale * W). It has no parameters.
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
            taken = [
                x.index_select(dim, own.to(x.device)) * share.to(x).view(along)
                for own, share in zip(indices, weights, strict=True)
            ]
            x = torch.stack(taken).sum(0)
        return x
