"""Reservoirs: recurrent layers that are drawn once and never trained, and their linear readout.

    h_(t-1) --O----------------- * alpha --+
       |                                   + --> h_t --> standardize --> linear
    [h_(t-1) W + x_t V + b] --tanh-- * beta+

Vectors are rows. Only the readout is fitted, in closed form (zoo.training.reservoir).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class ReservoirScales:
    """Weights of a reservoir's two branches, and scales of what is drawn."""

    alpha: float = 1.0  # of the temporal residual connection
    beta: float = 1.0  # of the nonlinear branch
    rho: float = 0.9  # spectral radius of W, by the circular law
    in_scaling: float | Sequence[float] = 1.0  # largest entry of V, of all or of each input
    bias_scaling: float = 0.0  # largest entry of b


def draw(*shape: int) -> Tensor:
    """Return numbers between -1 and 1, uniform."""
    return 2 * torch.rand(*shape) - 1


class RandomOrthogonal(nn.Module):
    """h O with a random orthogonal O: (..., units) -> (..., units)."""

    matrix: Tensor

    def __init__(self, units: int) -> None:
        super().__init__()
        self.register_buffer("matrix", torch.linalg.qr(draw(units, units))[0].contiguous())

    def forward(self, h: Tensor) -> Tensor:
        return h @ self.matrix


class Cycle(nn.Module):
    """h O with O[0, -1] = O[i, i - 1] = 1: every unit moves down a place, the first to the end."""

    def forward(self, h: Tensor) -> Tensor:
        return h.roll(-1, -1)


# O of the temporal residual connection -> its module, for a number of units.
SKIPS: dict[str, Callable[[int], nn.Module]] = {
    "random": RandomOrthogonal,
    "cycle": lambda units: Cycle(),
    "identity": lambda units: nn.Identity(),
}


class Reservoir(nn.Module):
    """h_t = alpha h_(t-1) O + beta tanh(h_(t-1) W + x_t V + b): (B, T, c_in) -> (B, T, units).

    All of it is in buffers. W, V and b are uniform and then scaled: W by rho sqrt(3 / units), so
    that rho is its spectral radius in the limit of many units.
    """

    recurrent: Tensor
    weight_in: Tensor
    bias: Tensor
    alpha: Tensor
    beta: Tensor

    def __init__(self, c_in: int, units: int, skip: nn.Module, scales: ReservoirScales) -> None:
        super().__init__()
        in_scaling = torch.as_tensor(scales.in_scaling, dtype=torch.float32)
        self.register_buffer("weight_in", draw(c_in, units) * in_scaling.view(-1, 1))
        self.register_buffer("recurrent", draw(units, units) * scales.rho * (3 / units) ** 0.5)
        self.register_buffer("bias", draw(units) * scales.bias_scaling)
        self.register_buffer("alpha", torch.tensor(float(scales.alpha)))
        self.register_buffer("beta", torch.tensor(float(scales.beta)))
        self.skip, self.units = skip, units

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the next state: (B, units), (B, c_in) -> (B, units)."""
        update = torch.tanh(h @ self.recurrent + x @ self.weight_in + self.bias)
        return self.alpha * self.skip(h) + self.beta * update

    def forward(self, x: Tensor) -> Tensor:
        h, states = x.new_zeros(x.shape[0], self.units), []
        for now in x.unbind(1):
            h = self.step(h, now)
            states.append(h)
        return torch.stack(states, 1)


class LinearMemory(nn.Module):
    """m_t = m_(t-1) C + x_t V with the cycle C: a delay line that is closed to a ring.

    V is a buffer, uniform. After `units` steps without input the state is what it was.
    """

    weight_in: Tensor

    def __init__(self, c_in: int, units: int, in_scaling: float = 1.0) -> None:
        super().__init__()
        self.register_buffer("weight_in", draw(c_in, units) * in_scaling)
        self.shift, self.units = Cycle(), units

    def step(self, m: Tensor, x: Tensor) -> Tensor:
        """Return the next state: (B, units), (B, c_in) -> (B, units)."""
        shifted: Tensor = self.shift(m)
        return shifted + x @ self.weight_in


class Readout(nn.Linear):
    """Linear map of standardized states: (..., units) -> (..., outputs)."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, units: int, outputs: int) -> None:
        super().__init__(units, outputs)
        self.register_buffer("mean", torch.zeros(units))
        self.register_buffer("deviation", torch.ones(units))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward((x - self.mean) / self.deviation)
