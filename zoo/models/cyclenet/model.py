"""CycleNet (Lin et al., NeurIPS 2024, 2409.18479): a forecast beside a learnt cycle.

x -> RevIN -> - cycle -> backbone -> + cycle -> RevIN undone -> the steps that follow
"""

from typing import Any

import torch
from torch import Tensor, nn

EPSILON = 1e-5  # of RevIN, added to the variance


class CycleNet(nn.Module):
    """Sec. 3: the last steps of `channels` series, each with its phase, -> the next `horizon`.

        (B, look_back, 1 + channels) -> (B, horizon, channels)

    Column 0 of the input is the phase of each step: its number from the start of the series,
    modulo `cycle`. The backbone forecasts each channel by itself, with the same parameters: one
    linear layer, or with a `width` two and a ReLU between them.

    Args:
        look_back: Steps that are seen, L.
        horizon: Steps that are forecast, H.
        channels: Series, D.
        cycle: Steps of the cycle, W.
        width: Units of the MLP's hidden layer; 0 for the linear backbone.
        revin: Subtract each window's mean and divide by its deviation, and undo it in the end
            (without the affine part of RevIN's paper).

    Raises:
        ValueError: A number is too small.

    Example:
        >>> CycleNet(look_back=48, horizon=24)(torch.zeros(2, 48, 8)).shape
        torch.Size([2, 24, 7])
    """

    def __init__(
        self,
        *,
        look_back: int = 96,
        horizon: int = 96,
        channels: int = 7,
        cycle: int = 24,
        width: int = 0,
        revin: bool = True,
    ) -> None:
        if min(look_back - 1, horizon, channels, cycle) < 1 or width < 0:
            raise ValueError(
                "horizon, channels and cycle must be 1 or more, look_back 2 or more (RevIN takes "
                f"its variance), width 0 or more, not {horizon}, {channels}, {cycle}, {look_back}, "
                f"{width}"
            )
        super().__init__()
        self.look_back, self.horizon, self.revin = look_back, horizon, revin
        self.cycle = nn.Parameter(torch.zeros(cycle, channels))  # Q of Eq. 1
        self.backbone: nn.Module = nn.Linear(look_back, horizon)
        if width:
            self.backbone = nn.Sequential(
                nn.Linear(look_back, width), nn.ReLU(), nn.Linear(width, horizon)
            )

    @property
    def sizes(self) -> dict[str, Any]:
        """Entries of pretrained_cfg that follow from the arguments."""
        cycle, channels = self.cycle.shape
        input_size = (self.look_back, 1 + channels)
        return {"input_size": input_size, "horizon": self.horizon, "cycle": cycle}

    def cycle_from(self, phase: Tensor, steps: int) -> Tensor:
        """Return the cycle repeated over `steps` from a phase on: (B,) -> (B, steps, channels)."""
        phases = phase[:, None] + torch.arange(steps, device=phase.device)
        return self.cycle[phases % len(self.cycle)]

    def forward(self, x: Tensor) -> Tensor:
        values, last = x[..., 1:], x[:, -1, 0].long()
        start = last + 1  # the authors' code starts the look-back at the phase where it ends
        if self.revin:
            mean = values.mean(1, keepdim=True)
            deviation = (values.var(1, keepdim=True) + EPSILON).sqrt()
            values = (values - mean) / deviation
        residual = values - self.cycle_from(start, self.look_back)
        forecast: Tensor = self.backbone(residual.transpose(1, 2)).transpose(1, 2)
        forecast = forecast + self.cycle_from(start + self.look_back, self.horizon)
        return forecast * deviation + mean if self.revin else forecast
