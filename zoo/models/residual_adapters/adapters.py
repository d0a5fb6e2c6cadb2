"""A 3x3 convolution that all domains share, and what each domain has of its own.

series      y = w * x     BN(y + a * BN(y))        Fig. 2 of 1705.08045
parallel    y = w * x     BN(y + a * x)            1803.10082
none        y = w * x     BN(y)
            shared        of a domain              a is 1x1
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.modules.post_activation import conv


class Domains(nn.ModuleList):
    """One module for each domain, of which one is active."""

    active = 0

    @property
    def beside(self) -> tuple[str, ...]:
        """Names of the others, which are not run."""
        return tuple(name for name in self._modules if name != str(self.active))

    def forward(self, *inputs: Tensor) -> Any:
        return self[self.active](*inputs)


class Unadapted(nn.Module):
    """BN(y), for y = w * x: (B, c_out, h, w) -> the same shape."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, y: Tensor, x: Tensor) -> Tensor:
        return self.bn(y)

    def folded(self, kernel: Tensor) -> tuple[Tensor, Tensor]:
        """Return one kernel for w and a, and the constant that it lacks in front of the last BN."""
        return kernel, torch.zeros_like(self.bn.bias)


class Series(nn.Module):
    """BN(y + a * BN(y)), for y = w * x: (B, c_out, h, w) -> the same shape."""

    beside = ("adapter",)

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(c_out)
        self.adapter = conv(c_out, c_out, 1)
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, y: Tensor, x: Tensor) -> Tensor:
        return self.bn(y + self.adapter(self.norm(y)))

    def folded(self, kernel: Tensor) -> tuple[Tensor, Tensor]:
        """(I + a diag(s)) w and a t, where BN(y) is s y + t by the running statistics."""
        norm: Any = self.norm
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        matrix = self.adapter.weight[:, :, 0, 0]
        mixed = torch.einsum("oi,ichw->ochw", matrix * scale, kernel)
        return kernel + mixed, matrix @ (norm.bias - norm.running_mean * scale)


class Parallel(nn.Module):
    """BN(y + a * x), for y = w * x: (B, c_out, h, w) and (B, c_in, H, W) -> (B, c_out, h, w)."""

    beside = ("adapter",)

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.adapter = conv(c_in, c_out, 1, stride)
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, y: Tensor, x: Tensor) -> Tensor:
        return self.bn(y + self.adapter(x))

    def folded(self, kernel: Tensor) -> tuple[Tensor, Tensor]:
        """Put a in the middle of w."""
        return kernel + F.pad(self.adapter.weight, (1, 1, 1, 1)), torch.zeros_like(self.bn.bias)


ADAPTERS: dict[str, type[Unadapted | Series | Parallel]] = {
    "none": Unadapted,
    "series": Series,
    "parallel": Parallel,
}


class AdaptedConv(nn.Module):
    """3x3, adapter and BatchNorm: (B, c_in, H, W) -> (B, c_out, H / stride, W / stride)."""

    def __init__(self, c_in: int, c_out: int, stride: int, *, adapter: str, domains: int) -> None:
        super().__init__()
        self.conv = conv(c_in, c_out, 3, stride)
        make = ADAPTERS[adapter]
        self.domains = Domains(make(c_in, c_out, stride) for _ in range(domains))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.domains(self.conv(x), x)
        return out

    @torch.no_grad()
    def fold(self) -> None:
        """Make one convolution of the 3x3 and the active adapter; no other domain is left."""
        own: Any = self.domains[self.domains.active]
        kernel, constant = own.folded(self.conv.weight)
        plain = Unadapted(self.conv.in_channels, self.conv.out_channels, self.conv.stride[0])
        plain.bn = own.bn
        own.bn.running_mean -= constant
        self.conv.weight, self.domains = nn.Parameter(kernel), Domains([plain])
