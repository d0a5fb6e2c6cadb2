"""Layers of 2303.14027 on the Poincare ball; features are tangent vectors at 0, (B, C, H, W)."""

import math

import torch
import torch.nn.functional as F
from timm.models._features_fx import register_notrace_module
from torch import Tensor, nn

from zoo.models.poincare_resnet import ball


def beta(n: int) -> float:
    """B(n / 2, 1 / 2), by which vectors of n numbers are scaled when they are joined."""
    return math.exp(math.lgamma(n / 2) + math.lgamma(0.5) - math.lgamma((n + 1) / 2))


def fully_connected(products: Tensor, n: Tensor, z: Tensor, bias: Tensor, c: float) -> Tensor:
    """The Poincare fully connected layer (2006.08210, Eq. 10), back in the tangent space at 0.

    v_k = 2 |z_k| / sqrt(c) asinh(sqrt(c) lambda <x, z_k> / |z_k| cosh(2 sqrt(c) r_k)
                                  - (lambda - 1) sinh(2 sqrt(c) r_k)),  lambda = 2 / (1 - c |x|^2)
    w_k = sinh(sqrt(c) v_k) / sqrt(c),  y = w / (1 + sqrt(1 + c |w|^2))

    Args:
        products: <u, z_k> of the tangent vectors u at 0 that lead to x, (B, K, H, W).
        n: sqrt(c) |u|, (B, 1, H, W).
        z: (K, numbers of x).
        bias: r, (K,).
        c: Minus the curvature.
    """
    root = c**0.5
    lengths, turn = ball.length(z)[..., None], (2 * root * bias)[:, None, None]
    on_ball = n.tanh().clamp_max(ball.LIMIT)  # sqrt(c) |x|
    conformal = 2 / (1 - on_ball.square())
    along = root * products * (on_ball / n) * conformal / lengths
    w = (2 * lengths * (along * turn.cosh() - (conformal - 1) * turn.sinh()).asinh()).sinh()
    size = ball.length(w)
    return w / root * ((size.asinh() / 2).clamp_max(math.atanh(ball.LIMIT)) / size)


class PoincareConv2d(nn.Conv2d):
    """(B, c_in, H, W) -> (B, c_out, H / stride, W / stride).

    The vectors in a window are joined, scaled by `beta`, and fully connected.
    """

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int = 1, *, c: float) -> None:
        super().__init__(c_in, c_out, kernel, stride, kernel // 2)
        self.c, self.scale = c, beta(c_in * kernel**2) / beta(c_in)
        self.window = (kernel, stride, kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        x = x * self.scale
        kernel, stride, padding = self.window
        mean = F.avg_pool2d(x.square().sum(1, keepdim=True), kernel, stride, padding)
        n = (self.c * kernel**2 * mean).clamp_min(ball.TINY).sqrt()
        products = F.conv2d(x, self.weight, None, self.stride, self.padding)
        assert self.bias is not None
        return fully_connected(products, n, self.weight.flatten(1), self.bias, self.c)


class PoincareLinear(nn.Linear):
    """(B, features) -> (B, classes), tangent vectors at 0 both."""

    def __init__(self, c_in: int, c_out: int, *, c: float) -> None:
        self.c = c
        super().__init__(c_in, c_out)

    def forward(self, x: Tensor) -> Tensor:
        x = x[..., None, None]
        n = self.c**0.5 * ball.length(x)
        products = F.conv2d(x, self.weight[..., None, None])
        return fully_connected(products, n, self.weight, self.bias, self.c).flatten(1)


@register_notrace_module  # what it does depends on the mode
class PoincareBatchNorm2d(nn.Module):
    """Midpoint batch normalization: one variance for the layer, a mean for each channel.

    Points move from their midpoint m to b = exp0(bias), and their distances are scaled by s:

        exp_b(s P log_m(x)) = b (+) gyr[b, -m] exp0(s log0(-m (+) x)),   P from m to b

    In evaluation, midpoint and variance are running means, along the shortest way and as numbers.
    `type_as` shows them to fx, which would take the value of a buffer that no traced tensor meets.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, *, c: float, momentum: float = 0.1) -> None:
        super().__init__()
        self.c, self.momentum = c, momentum
        self.bias = nn.Parameter(torch.zeros(channels))
        self.weight = nn.Parameter(torch.ones(()))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        x = ball.exp0(x, self.c)
        mean = self.running_mean.type_as(x)[None, :, None, None]
        if self.training:
            mean = ball.midpoint(x, self.c)
        way = ball.add(-mean, x, self.c)  # from the midpoint
        n = self.c**0.5 * ball.length(way)
        steps = n.clamp_max(ball.INSIDE).atanh()
        variance = self.running_var.type_as(x)
        if self.training:
            variance = (2 / self.c**0.5 * steps).square().mean()
            self.update(mean.detach(), variance.detach())
        center = ball.exp0(self.bias[None, :, None, None], self.c)
        scale = (self.weight.abs() / (variance + 1e-6)).sqrt()
        turned = ball.gyration(center, -mean, way * ((scale * steps).tanh() / n), self.c)
        return ball.log0(ball.project(ball.add(center, turned, self.c), self.c), self.c)

    @torch.no_grad()
    def update(self, mean: Tensor, variance: Tensor) -> None:
        """Move the running midpoint towards that of a batch, and the running variance."""
        old = self.running_mean[None, :, None, None]
        way = ball.exp0(self.momentum * ball.log0(ball.add(-old, mean, self.c), self.c), self.c)
        self.running_mean.copy_(ball.add(old, way, self.c).flatten())
        self.running_var.lerp_(variance.to(self.running_var.dtype), self.momentum)
