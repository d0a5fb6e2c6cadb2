"""The residual group of DRCT: five Swin blocks, each on all outputs before it."""

import torch
from timm.models.swin_transformer import SwinTransformerBlock
from torch import Tensor, nn

MLP_RATIOS = (2, 2, 2, 1, 1)  # of the blocks of a group
RESIDUAL_SCALE = 0.2


def heads_of(width: int, heads: int) -> int:
    """Return the heads of a block of that width: 6, 4, 2, 6, 4 for 180, 212, ..., 308.

    Raises:
        ValueError: they do not divide the width.
    """
    rest = heads - width % heads
    if width % rest:
        raise ValueError(f"heads - width % heads must divide width, not {rest} of {width}")
    return rest


class DenseGroup(nn.Module):
    """RDG: x + 0.2 * x_5, x_i = adjust_i(block_i([x, x_1, .., x_{i-1}])): (B, H, W, C) kept.

    adjust_i is a 1x1 convolution to `growth` channels with LeakyReLU, the last one to C without.
    The windows of every second block are shifted by half of their side.
    """

    def __init__(
        self, channels: int, *, growth: int, heads: int, window: int, drop_path: float
    ) -> None:
        super().__init__()
        widths = [channels + i * growth for i in range(len(MLP_RATIOS))]
        self.blocks = nn.ModuleList(
            SwinTransformerBlock(
                width,
                window,
                num_heads=heads_of(width, heads),
                window_size=window,
                shift_size=window // 2 if i % 2 else 0,
                always_partition=True,
                dynamic_mask=True,
                mlp_ratio=MLP_RATIOS[i],
                drop_path=drop_path,
            )
            for i, width in enumerate(widths)
        )
        outputs = [growth] * (len(widths) - 1) + [channels]
        self.adjust = nn.ModuleList(map(nn.Conv2d, widths, outputs, [1] * len(widths)))
        self.act = nn.LeakyReLU(0.2, inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        outputs, last = [x], len(self.blocks) - 1
        for i, (block, adjust) in enumerate(zip(self.blocks, self.adjust, strict=True)):
            y = adjust(block(torch.cat(outputs, -1)).permute(0, 3, 1, 2))
            outputs.append((y if i == last else self.act(y)).permute(0, 2, 3, 1))
        return outputs[-1] * RESIDUAL_SCALE + x
