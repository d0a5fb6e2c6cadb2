"""Blocks of N-BEATS (Sec. 3.1), and their bases (Sec. 3.3).

x -> FC layers -> expansion coefficients -> basis -> backcast, forecast

A backcast is numbered from the last step that is known to the first, as its block's input is.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn


class GenericBasis(nn.Module):
    """No basis of its own: the coefficients are the backcast, then the forecast.

    What is learned is V W, the product of the basis and of the layer before it.
    """

    def __init__(self, look_back: int, horizon: int) -> None:
        super().__init__()
        self.sizes = [look_back, horizon]
        self.coefficients = look_back + horizon

    def forward(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        backcast, forecast = torch.split(theta, self.sizes, -1)
        return backcast, forecast


class FixedBasis(nn.Module):
    """Basis vectors that are not learned: coefficients of the forecast, then of the backcast.

    Args:
        backcast: (K, look_back).
        forecast: (K, horizon).
    """

    backcast: Tensor
    forecast: Tensor

    def __init__(self, backcast: Tensor, forecast: Tensor) -> None:
        super().__init__()
        self.coefficients = 2 * len(forecast)
        dtype = torch.get_default_dtype()
        self.register_buffer("backcast", backcast.to(dtype), persistent=False)
        self.register_buffer("forecast", forecast.to(dtype), persistent=False)

    def forward(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        forecast, backcast = theta.chunk(2, -1)
        return backcast @ self.backcast, forecast @ self.forecast


def trend(look_back: int, horizon: int, degree: int) -> FixedBasis:
    """Return Eq. 2's basis: powers 0 to `degree` of t, which goes from 0 to almost 1."""
    backcast, forecast = (
        (torch.arange(steps, dtype=torch.float64) / steps) ** torch.arange(degree + 1)[:, None]
        for steps in (look_back, horizon)
    )
    return FixedBasis(backcast, forecast)


def seasonality(look_back: int, horizon: int) -> FixedBasis:
    """Return Eq. 3's basis: cosines and sines with up to almost horizon / 2 periods a horizon."""
    turns = 2 * math.pi * torch.arange(math.ceil(horizon / 2), dtype=torch.float64)[:, None]
    backcast, forecast = (
        torch.cat([torch.cos(turns * t), torch.sin(turns * t)])
        for t in (
            -torch.arange(look_back, dtype=torch.float64) / horizon,
            torch.arange(horizon, dtype=torch.float64) / horizon,
        )
    )
    return FixedBasis(backcast, forecast)


class Block(nn.Module):
    """Sec. 3.1: FC layers with ReLU, expansion coefficients, a basis for each of both outputs.

    (..., look_back) -> backcast (..., look_back), forecast (..., horizon)
    """

    def __init__(self, basis: Any, *, look_back: int, layers: int, width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Linear(width if layer else look_back, width) for layer in range(layers)
        )
        self.theta = nn.Linear(width, basis.coefficients)
        self.basis = basis

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        for layer in self.layers:
            x = layer(x).relu()
        backcast, forecast = self.basis(self.theta(x))
        return backcast, forecast
