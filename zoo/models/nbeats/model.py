"""N-BEATS (Oreshkin et al., ICLR 2020, 1905.10437): blocks that take from x what they explain.

x -> block -> x - backcast -> block -> x - backcast -> ...
       v                        v
    forecast         +       forecast       + ... + last value of x -> the steps that follow
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from zoo.models.nbeats.blocks import Block, GenericBasis, seasonality, trend


class NBeats(nn.Module):
    """Sec. 3.2: doubly residual stacking. Each channel is a series of its own.

        (B, look_back, channels) -> (B, horizon, channels)

    Steps before the start of a series are NaN: each block sees zeros there (App. D.1).

    Args:
        stacks: (block, how often it is applied), one after the other.
        sizes: Entries of pretrained_cfg that follow from the arguments.
        level: Add the last value to the forecast, as the authors' code does.
    """

    def __init__(
        self, stacks: Sequence[tuple[Block, int]], sizes: dict[str, Any], level: bool
    ) -> None:
        super().__init__()
        self.stacks = nn.ModuleList(block for block, _ in stacks)
        self.repeats = [repeats for _, repeats in stacks]
        self.sizes, self.level = sizes, level

    def components(self, x: Tensor) -> list[Tensor]:
        """Return the forecast of each stack, whose sum with the level is the network's:
        [(B, horizon, channels)], of an interpretable network trend and seasonality."""
        series = x.transpose(1, 2).flip(2)  # the last step first
        known = ~series.isnan()
        residual = torch.where(known, series, 0.0)
        forecasts = []
        for block, repeats in zip(self.stacks, self.repeats, strict=True):
            total: Tensor | None = None
            for _ in range(repeats):
                backcast, forecast = block(residual)
                residual = (residual - backcast) * known
                total = forecast if total is None else total + forecast
            assert total is not None
            forecasts.append(total.transpose(1, 2))
        return forecasts

    def forward(self, x: Tensor) -> Tensor:
        forecast = torch.stack(self.components(x)).sum(0)
        return forecast + x[:, -1:] if self.level else forecast


def _sizes(look_back: int, horizon: int, channels: int, **others: int) -> dict[str, Any]:
    """Return what pretrained_cfg says of the sizes. Raises ValueError if one is too small."""
    values = {"look_back": look_back, "horizon": horizon, "channels": channels, **others}
    if wrong := [name for name, value in values.items() if value < 1]:
        raise ValueError(f"{wrong[0]} must be 1 or more, not {values[wrong[0]]}")
    return {"input_size": (look_back, channels), "horizon": horizon}


class GenericNBeats(NBeats):
    """N-BEATS-G (Sec. 3.3, Table 18): stacks of one block, whose bases are learned.

    Args:
        look_back: Steps that are seen, 2 to 7 times the horizon in the paper.
        horizon: Steps that are forecast, H.
        channels: Series that are forecast side by side, each by itself.
        stacks: Blocks.
        layers: Fully connected layers of a block.
        width: Their units.
        level: Add the last value to the forecast, as the authors' code does.

    Raises:
        ValueError: A number is too small.

    Example:
        >>> GenericNBeats(look_back=12, horizon=6)(torch.zeros(2, 12, 1)).shape
        torch.Size([2, 6, 1])
    """

    def __init__(
        self,
        *,
        look_back: int = 96,
        horizon: int = 48,
        channels: int = 1,
        stacks: int = 30,
        layers: int = 4,
        width: int = 512,
        level: bool = True,
    ) -> None:
        sizes = _sizes(look_back, horizon, channels, stacks=stacks, layers=layers, width=width)
        args = {"look_back": look_back, "layers": layers, "width": width}
        blocks = [Block(GenericBasis(look_back, horizon), **args) for _ in range(stacks)]
        super().__init__([(block, 1) for block in blocks], sizes, level)


class InterpretableNBeats(NBeats):
    """N-BEATS-I (Sec. 3.3, Table 18): a stack of polynomials, then one of waves.

    The blocks of a stack share their weights, so that they are one block, applied again.

    Args:
        look_back: Steps that are seen, 2 to 7 times the horizon in the paper.
        horizon: Steps that are forecast, H.
        channels: Series that are forecast side by side, each by itself.
        blocks: Blocks of either stack.
        layers: Fully connected layers of a block.
        widths: Their units: of the trend's, and of the seasonality's.
        degree: Highest power of the trend, p.
        level: Add the last value to the forecast, as the authors' code does.

    Raises:
        ValueError: A number is too small.
    """

    def __init__(
        self,
        *,
        look_back: int = 96,
        horizon: int = 48,
        channels: int = 1,
        blocks: int = 3,
        layers: int = 4,
        widths: tuple[int, int] = (256, 2048),
        degree: int = 2,
        level: bool = True,
    ) -> None:
        counts = {"blocks": blocks, "layers": layers, "width": min(widths), "degree": degree}
        sizes = _sizes(look_back, horizon, channels, **counts)
        bases = trend(look_back, horizon, degree), seasonality(look_back, horizon)
        stacks = [
            (Block(basis, look_back=look_back, layers=layers, width=width), blocks)
            for basis, width in zip(bases, widths, strict=True)
        ]
        super().__init__(stacks, sizes, level)
