"""Layers whose Lipschitz constant is bounded: LipSwish, linear layers, convolutions; and ActNorm.

v -> W v -> u -> W^T u -> v -> ...        u^T W v grows to the largest |W x|_q / |x|_p
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ITERATIONS = 5  # of the power method, at each call
FIRST_ITERATIONS = 30
LEAST_VARIANCE = 0.2  # that ActNorm divides by


class LipSwish(nn.Module):
    """x sigmoid(b x) / 1.1, whose slope is at most 1, and its slope, of the shape of x."""

    def __init__(self) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.tensor([0.5]))  # b is its softplus

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        steepness = F.softplus(self.beta)
        gate = torch.sigmoid(steepness * x)
        return x * gate / 1.1, gate * (1 + steepness * x * (1 - gate)) / 1.1


def steepest(y: Tensor, p: float) -> Tensor:
    """Return the vector x of the dual norm 1 for which x y is largest: the p-norm of y.

    Example:
        >>> y = torch.tensor([3.0, -4.0])
        >>> [round(float(steepest(y, p) @ y), 4) for p in (1, 2, math.inf)]
        [7.0, 5.0, 4.0]
    """
    if p == 1:
        return y.sign()
    if p == math.inf:
        return F.one_hot(y.abs().argmax(), len(y)) * y.sign()
    powers = y.sign() * y.abs() ** (p - 1)
    return powers / torch.linalg.vector_norm(powers, p / (p - 1)).clamp_min(1e-30)


def dual(p: float) -> float:
    """Return the exponent of the dual norm: 1 / p + 1 / dual = 1."""
    return 1.0 if p == math.inf else math.inf if p == 1 else p / (p - 1)


class InducedNormLinear(nn.Linear):
    """A linear layer with |W x|_q <= coeff |x|_p: W is divided by what its norm is above coeff.

    For p = 1 or q = inf the norm is a formula; else it comes from the power method, which goes on
    from where it was. For other norms than p = q = 2 it may find a value that is not the largest.

    Args:
        in_features: Numbers of an input.
        out_features: Numbers of an output.
        norms: (p, q) of input and output.
        coeff: Bound of the norm.
    """

    v: Tensor  # the input that is stretched most

    def __init__(
        self, in_features: int, out_features: int, *, norms: tuple[float, float], coeff: float
    ) -> None:
        super().__init__(in_features, out_features)
        self.norms, self.coeff = norms, coeff
        self.register_buffer("v", steepest(torch.randn(in_features), dual(norms[0])))
        if not self.weight.is_meta:
            self.v = self.stretched(FIRST_ITERATIONS)

    @torch.no_grad()
    def stretched(self, iterations: int) -> Tensor:
        """Return the input that is stretched most, after iterations of the power method."""
        (p, q), v = self.norms, self.v
        if p == 1:  # the largest column
            columns = torch.linalg.vector_norm(self.weight, q, 0)
            return F.one_hot(columns.argmax(), len(v)).to(v.dtype)
        if q == math.inf:  # the largest row
            rows = torch.linalg.vector_norm(self.weight, dual(p), 1)
            return steepest(self.weight[rows.argmax()], dual(p))
        for _ in range(iterations):
            u = steepest(self.weight @ v, q)
            v = steepest(u @ self.weight, dual(p))
        return v

    def bounded(self) -> Tensor:
        """Return the weight with a norm of at most coeff."""
        v = self.stretched(ITERATIONS)
        if self.training:
            self.v.copy_(v)
        with torch.no_grad():
            u = steepest(self.weight @ v, self.norms[1])
        norm = u @ (self.weight @ v)
        return self.weight / (norm / self.coeff).clamp_min(1.0)

    def push(self, x: Tensor, weight: Tensor) -> Tensor:
        """Return the layer's output with this weight: (B, in) -> (B, out)."""
        return F.linear(x, weight, self.bias)

    def pull(self, v: Tensor, weight: Tensor) -> Tensor:
        """Return v^T of the weight: (..., B, out) -> (..., B, in)."""
        return v @ weight


class SpectralConv2d(nn.Conv2d):
    """A convolution of maps of one size, with |W x|_2 <= coeff |x|_2 over whole maps.

    Args:
        in_channels: Maps of an input.
        out_channels: Maps of an output.
        kernel_size: Side of the kernel, odd; the borders are zeros.
        side: Height and width of the maps.
        coeff: Bound of the norm.
    """

    v: Tensor  # the maps that are stretched most

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, *, side: int, coeff: float
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, padding=kernel_size // 2)
        self.coeff = coeff
        self.register_buffer("v", torch.randn(in_channels, side, side))
        if not self.weight.is_meta:
            self.v = self.stretched(FIRST_ITERATIONS)

    @torch.no_grad()
    def stretched(self, iterations: int) -> Tensor:
        """Return the maps that are stretched most, after iterations of the power method."""
        v = self.v
        for _ in range(iterations):
            v = self.pull(self._stretch(v), self.weight)
            v = v / torch.linalg.vector_norm(v).clamp_min(1e-30)
        return v

    def _stretch(self, v: Tensor) -> Tensor:
        return F.conv2d(v, self.weight, padding=self.padding)

    def bounded(self) -> Tensor:
        """Return the weight with a norm of at most coeff."""
        v = self.stretched(ITERATIONS)
        if self.training:
            self.v.copy_(v)
        norm = torch.linalg.vector_norm(self._stretch(v))
        return self.weight / (norm / self.coeff).clamp_min(1.0)

    def push(self, x: Tensor, weight: Tensor) -> Tensor:
        """Return the layer's output with this weight: (B, C, H, W) to as many rows."""
        return F.conv2d(x, weight, self.bias, padding=self.padding)

    def pull(self, v: Tensor, weight: Tensor) -> Tensor:
        """Return v^T of the convolution's matrix: the transposed convolution."""
        return F.conv_transpose2d(v, weight, padding=self.kernel_size[0] // 2)


class ActNorm(nn.Module):
    """(x + b) exp(w) in each channel: mean 0 and variance 1 for the first batch of training.

    A variance below 0.2 counts as 0.2, as in the authors' code.
    """

    seen: Tensor  # whether a batch has set b and w

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("seen", torch.tensor(False))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the output, and log |det|, the same for each row."""
        if self.training and not self.seen:
            self._fit(x)
        y = (x + self._per_channel(self.bias, x)) * self._per_channel(self.weight, x).exp()
        return y, self.weight.sum() * x[0, 0].numel()

    @torch.no_grad()
    def _fit(self, x: Tensor) -> None:
        variance, mean = torch.var_mean(x.transpose(0, 1).flatten(1), 1)
        self.bias.copy_(-mean)
        self.weight.copy_(-0.5 * variance.clamp_min(LEAST_VARIANCE).log())
        self.seen.fill_(True)

    def inverse(self, y: Tensor) -> Tensor:
        """Return the input of an output."""
        return y * self._per_channel(-self.weight, y).exp() - self._per_channel(self.bias, y)

    def _per_channel(self, values: Tensor, x: Tensor) -> Tensor:
        return values.view(-1, *(1,) * (x.dim() - 2))
