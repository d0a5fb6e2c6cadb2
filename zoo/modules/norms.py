"""Root mean square normalisation (1910.07467), fast without gradients on a CPU too."""

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

LARGE = 1 << 15  # elements


def rms_norm(x: Tensor, shape: list[int], weight: Tensor | None, eps: float | None) -> Tensor:
    """F.rms_norm over the last dimension. To a tracer it is one operation: it looks at x.

    On a CPU torch takes five passes over memory; without gradients, two are enough for many tokens.
    Inputs that autocast has made narrower than the weight are normalised in the weight's type.
    """
    if not torch.jit.is_scripting():  # type: ignore[attr-defined]
        if weight is not None and x.dtype != weight.dtype:
            return F.rms_norm(x.to(weight.dtype), shape, weight, eps).to(x.dtype)
        plain = torch.is_grad_enabled() or torch.compiler.is_compiling() or x.numel() < LARGE
        if not (plain or x.device.type != "cpu" or x.dtype.itemsize < 4 or eps is None):
            length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
            scale = length.square_().div_(x.shape[-1]).add_(eps).rsqrt_()
            return x * scale if weight is None else (x * scale).mul_(weight)
    return F.rms_norm(x, shape, weight, eps)


fx.wrap("rms_norm")


class RMSNorm(nn.RMSNorm):
    """x / sqrt(mean(x^2) + eps) * weight over the last dimension, as torch has it."""

    bias = None

    def forward(self, x: Tensor) -> Tensor:
        return rms_norm(x, list(self.normalized_shape), self.weight, self.eps)
