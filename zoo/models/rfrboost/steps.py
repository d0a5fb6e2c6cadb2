"""Steps of a random feature network: maps of its features that are solved for (2501.18283)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


class Affine(nn.Module):
    """x W + b, which is solved for: (..., c_in) -> (..., c_out); 0 before."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(c_in, c_out))
        self.bias = nn.Parameter(torch.zeros(c_out))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight + self.bias


class GradientStep(nn.Module):
    """a * (F V + v): a fit of the features to the loss's gradient, and a line search (Sec. 3.3)."""

    length: Tensor

    def __init__(self, c_in: int, width: int) -> None:
        super().__init__()
        self.direction = Affine(c_in, width)
        self.register_buffer("length", torch.zeros(()))

    def forward(self, f: Tensor) -> Tensor:
        return self.length * self.direction(f)


class DenseStep(nn.Module):
    """F Delta, the best step of any matrix (Theorem 3.1)."""

    def __init__(self, c_in: int, width: int) -> None:
        super().__init__()
        self.delta = nn.Parameter(torch.zeros(c_in, width))

    def forward(self, f: Tensor) -> Tensor:
        return f @ self.delta


class DiagonalStep(nn.Module):
    """F Delta with a diagonal Delta: every feature by itself."""

    def __init__(self, c_in: int, width: int) -> None:
        super().__init__()
        self.delta = nn.Parameter(torch.zeros(width))

    def forward(self, f: Tensor) -> Tensor:
        return f * self.delta


class ScalarStep(nn.Module):
    """F Delta with one number."""

    def __init__(self, c_in: int, width: int) -> None:
        super().__init__()
        self.delta = nn.Parameter(torch.zeros(()))

    def forward(self, f: Tensor) -> Tensor:
        return f * self.delta


STEPS: dict[str, Callable[[int, int], nn.Module]] = {
    "gradient": GradientStep,
    "dense": DenseStep,
    "diagonal": DiagonalStep,
    "scalar": ScalarStep,
}
