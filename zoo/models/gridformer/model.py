"""GridFormer (Wang et al., IJCV 2024, 2305.17863): a grid of dense transformers for bad weather.

x   -> 0_0 -> 0_1 -> 0_2 -> 0_3 -> 0_4 -> 0_5 -> + x   = y        rows: resolutions 1, 1/2, 1/4
        v      v      v      ^      ^      ^
x/2 -> 1_0 -> 1_1 -> 1_2 -> 1_3 -> 1_4 -> 1_5 -> + x/2 = y/2      columns: down, then up
        v      v      v      ^      ^      ^
x/4 -> 2_0 -> 2_1 -> 2_2 -> 2_3 -> 2_4 -> 2_5 -> + x/4 = y/4
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from zoo.models.gridformer.blocks import ResidualDense, TransformerBlock, double, halve
from zoo.modules.super_resolution import mirror_to_multiple

COLUMNS = 6
HEADS = (2, 4, 8)  # of each row, of whose networks within the grid
RATES = (4, 2, 2)  # of each row


class GridFormer(nn.Module):
    """RGB in 0..1 with haze, rain, drops or snow, (B, 3, H, W) -> without, not clipped.

    Images of any size are mirrored to multiples of 4, as the authors test. A node of the grid is
    a * dense(node to the left) + b * resample(node above or below), with a and b per channel.
    """

    averages_image = True  # in CompactAttention

    def __init__(
        self, *, channels: int = 48, depths: tuple[int, int, int] = (1, 2, 4), growth: int = 16
    ) -> None:
        super().__init__()
        if channels % 4 or growth % 16:
            raise ValueError(
                "channels must be a multiple of 4 and growth of 16, which two halves of up to "
                f"eight heads divide, not {channels} and {growth}"
            )
        rows, widths = range(len(RATES)), [channels * 2**i for i in range(len(RATES))]
        sizes = list(zip(widths, depths, RATES, strict=True))

        def dense(row: int, heads: int) -> ResidualDense:
            width, n, rate = sizes[row]
            return ResidualDense(width, growth, blocks=n, heads=heads, expansion=rate)

        def plain(row: int, width: int) -> nn.Sequential:
            _, n, rate = sizes[row]
            return nn.Sequential(*(TransformerBlock(width, heads=1, rate=rate) for _ in range(n)))

        self.coefficient = nn.Parameter(torch.ones(len(RATES), COLUMNS, 2, widths[-1]))
        self.conv_in = nn.Conv2d(3, channels, 3, padding=1, bias=False)
        self.first, self.last = dense(0, 1), dense(0, 1)
        self.conv_out = nn.Conv2d(channels, 3, 3, padding=1)
        self.dense = nn.ModuleDict(
            {f"{i}_{j}": dense(i, HEADS[i]) for i in rows for j in range(COLUMNS - 1)}
        )
        half = COLUMNS // 2
        self.down = nn.ModuleDict(
            {f"{i}_{j}": halve(widths[i]) for i in rows[:-1] for j in range(half)}
        )
        self.up = nn.ModuleDict(
            {f"{i}_{j}": double(widths[i + 1]) for i in rows[:-1] for j in range(half, COLUMNS)}
        )
        self.extract, self.reconstruct = nn.ModuleList(), nn.ModuleList()
        for row, width in enumerate(widths[1:]):
            stem = nn.Conv2d(3, width, 3, padding=1, bias=False)
            self.extract.append(nn.Sequential(stem, plain(row, width)))
            end = nn.Conv2d(width, 3, 3, padding=1)
            self.reconstruct.append(nn.Sequential(plain(row, width), end))
        self.grad_checkpointing = False

    def run(self, i: int, j: int, x: Tensor) -> Tensor:
        """Apply the dense network between columns j and j + 1 of a row."""
        if self.grad_checkpointing and self.training:
            recomputed: Tensor = checkpoint(self.dense[f"{i}_{j}"], x, use_reentrant=False)
            return recomputed
        out: Tensor = self.dense[f"{i}_{j}"](x)
        return out

    def fuse(self, i: int, j: int, left: Tensor, other: Tensor) -> Tensor:
        """Return node i_j of the one to the left and of one of another row, resampled."""
        a, b = self.coefficient[i, j, :, : left.shape[1], None, None]
        resample = (self.down if j < COLUMNS // 2 else self.up)[
            f"{i - 1 if j < COLUMNS // 2 else i}_{j}"
        ]
        return a * self.run(i, j - 1, left) + b * resample(other)

    def forward_grid(self, images: list[Tensor]) -> list[Tensor]:
        """Return the nodes of the last column, from the image at 1, 1/2 and 1/4."""
        nodes = [self.first(self.conv_in(images[0]))]
        for i, extract in enumerate(self.extract):
            nodes.append(self.down[f"{i}_0"](nodes[i]) + extract(images[i + 1]))
        lowest = len(nodes) - 1
        for j in range(1, COLUMNS):
            falling = j < COLUMNS // 2
            start = 0 if falling else lowest
            nodes[start] = self.run(start, j - 1, nodes[start])
            for i in range(1, lowest + 1) if falling else reversed(range(lowest)):
                nodes[i] = self.fuse(i, j, nodes[i], nodes[i - 1 if falling else i + 1])
        return nodes

    def pyramid(self, x: Tensor) -> list[Tensor]:
        """Return restored images at 1, 1/2 and 1/4, which the loss of training compares.

        Args:
            x: (B, 3, H, W), H and W in multiples of 4.
        """
        images = halvings(x)
        nodes = self.forward_grid(images)
        outputs = [self.conv_out(self.last(nodes[0]))]
        outputs += [end(node) for end, node in zip(self.reconstruct, nodes[1:], strict=True)]
        return [output + image for output, image in zip(outputs, images, strict=True)]

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        whole = mirror_to_multiple(x, 4)
        y = self.conv_out(self.last(self.forward_grid(halvings(whole))[0])) + whole
        return y[..., :height, :width]

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Trade computation for memory in training."""
        self.grad_checkpointing = enable


class Pyramid(nn.Module):
    """A GridFormer in training, a recipe's `around`: (B, 3, H, W) -> images at 1, 1/2 and 1/4."""

    def __init__(self, network: GridFormer) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.network.pyramid(x))


def halvings(x: Tensor) -> list[Tensor]:
    """Return an image, its half and its quarter by bilinear interpolation."""
    images = [x]
    for _ in RATES[1:]:
        size = [side // 2 for side in images[-1].shape[-2:]]
        images.append(F.interpolate(images[-1], size, mode="bilinear"))
    return images
