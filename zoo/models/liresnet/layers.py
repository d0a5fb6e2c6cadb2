"""Layers whose Lipschitz constants are known: linear ones, by a norm of theirs, and MinMax, 1.

Norms are for images of one size, that of each layer's `vector`, where the power iteration goes on:
in training ten steps follow it from update to update. They approach the norm from below.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor, nn

Linear = Callable[[Tensor], Tensor]
Norm = Callable[[Linear, Linear, Tensor], Tensor]  # (A, A^T, vector) -> |A|


def power_iteration(apply: Linear, adjoint: Linear, vector: Tensor, *, steps: int) -> Tensor:
    """Return |A v| for v after `steps` of v <- A^T A v / |A^T A v|; `vector` is moved along."""
    v = vector.clone()
    for _ in range(steps):
        v = F.normalize(adjoint(apply(v)).flatten(), dim=0).view_as(v)
    with torch.no_grad():
        vector.copy_(v)
    return apply(v).norm()


@torch.no_grad()
def largest_singular_value(apply: Linear, adjoint: Linear, vector: Tensor) -> Tensor:
    """Return |A| to the last digits, by Lanczos' method; `vector` is where it starts."""

    def square(values: Any) -> Any:
        v = torch.from_numpy(values).to(vector).view_as(vector)
        return adjoint(apply(v)).flatten().cpu().numpy()

    n, start = vector.numel(), vector.flatten().cpu().numpy()
    operator = LinearOperator((n, n), matvec=square, dtype=start.dtype)
    (largest,) = eigsh(operator, k=1, which="LA", v0=start, return_eigenvectors=False)
    return vector.new_tensor(largest).sqrt()


class MinMax(nn.Module):
    """max and min of the first half of the channels and the second: 1-Lipschitz.

    (B, C, H, W) -> (B, C, H, W).
    """

    def forward(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, 1)
        largest = torch.maximum(first, second)
        return torch.cat([largest, first + second - largest], 1)


class Convolution(nn.Conv2d):
    """A convolution that knows its norm on images of `size`: (B, c_in, H, W) -> (B, c_out, ...)."""

    vector: Tensor

    def __init__(
        self, c_in: int, c_out: int, kernel: int, stride: int = 1, *, padding: int = 0, size: int
    ) -> None:
        super().__init__(c_in, c_out, kernel, stride, padding)
        self.rest = (size + 2 * padding - kernel) % stride  # rows that the adjoint has to add
        self.register_buffer("vector", torch.randn(1, c_in, size, size))

    def lipschitz(self, norm: Norm) -> Tensor:
        """Return the norm without the bias."""
        how: dict[str, Any] = {"stride": self.stride, "padding": self.padding}
        return norm(
            lambda x: F.conv2d(x, self.weight, **how),
            lambda y: F.conv_transpose2d(y, self.weight, output_padding=self.rest, **how),
            self.vector,
        )


class LinearResidual(nn.Conv2d):
    """x + s gamma W x + b, s = depth^-1/2: linear, so that its norm is that of I + s gamma W.

    W is a 3x3 convolution, gamma a factor for each channel. (B, width, size, size) -> the same.
    """

    vector: Tensor

    def __init__(self, width: int, size: int, depth: int) -> None:
        super().__init__(width, width, 3, padding=1)
        nn.init.normal_(self.weight, std=1 / (9 * width))
        nn.init.zeros_(self.bias)  # type: ignore[arg-type]
        self.gamma = nn.Parameter(torch.ones(width))
        self.scale = depth**-0.5
        self.register_buffer("vector", torch.randn(1, width, size, size))

    def kernel(self) -> Tensor:
        """s gamma W."""
        return self.weight * self.gamma[:, None, None, None] * self.scale

    def forward(self, x: Tensor) -> Tensor:
        return x + F.conv2d(x, self.kernel(), self.bias, padding=1)

    def lipschitz(self, norm: Norm) -> Tensor:
        """Return the norm of I + s gamma W."""
        kernel = self.kernel()
        return norm(
            lambda x: x + F.conv2d(x, kernel, padding=1),
            lambda y: y + F.conv_transpose2d(y, kernel, padding=1),
            self.vector,
        )


class BasicResidual(nn.Module):
    """x + c W_2 MinMax(W_1 x), c = 0 at first: bounded by 1 + |c| |W_1| |W_2| alone."""

    def __init__(self, width: int, size: int, depth: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = (
            orthogonal(Convolution(width, width, 3, padding=1, size=size)) for _ in range(2)
        )
        self.act = MinMax()
        self.scale = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        branch: Tensor = self.conv2(self.act(self.conv1(x)))
        return x + self.scale * branch

    def lipschitz(self, norm: Norm) -> Tensor:
        """Return the sum of the bounds of the shortcut and of the branch."""
        branch = self.conv1.lipschitz(norm) * self.conv2.lipschitz(norm)
        return 1 + branch * self.scale.abs().squeeze()


class Block(nn.Module):
    """A layer of the backbone, then MinMax: (B, width, size, size) -> the same."""

    stride = 1

    def __init__(self, layer: nn.Module, width: int) -> None:
        super().__init__()
        self.c_out, self.layer, self.act = width, layer, MinMax()

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.act(self.layer(x))
        return output


def neck(width: int, size: int, features: int) -> nn.Sequential:
    """4x4/4 to twice the width, MinMax, a linear layer of all places, MinMax.

    (B, width, size, size) -> (B, features, 1, 1).
    """
    side = size // 4
    return nn.Sequential(
        orthogonal(Convolution(width, 2 * width, 4, 4, size=size)),
        MinMax(),
        Convolution(2 * width, features, side, size=side),
        MinMax(),
    )


def orthogonal(layer: Convolution) -> Convolution:
    """Return the layer with an orthogonal kernel, as the authors' code begins."""
    nn.init.orthogonal_(layer.weight)
    return layer


class UnitRows(nn.Linear):
    """The last layer: rows of norm 1. (B, n) -> (B, num_classes)."""

    def rows(self) -> Tensor:
        """(num_classes, n)."""
        return F.normalize(self.weight, dim=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.rows(), self.bias)

    def distances(self) -> Tensor:
        """|w_i - w_j| of all pairs, (num_classes, num_classes)."""
        rows = self.rows()
        return torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist")
