"""Linear layers in float32 by oneDNN, which takes the widest instructions that a CPU has.

x W^T + b    torch asks MKL, which stays with AVX2 on CPUs that are not Intel's
"""

import torch
from torch import Tensor, nn

LEAST = 1 << 17  # numbers of a weight: a smaller product is over before oneDNN has begun


def fits(linear: nn.Module) -> bool:
    """Whether a module is a linear layer that can gain: large, in float32 on a CPU."""
    return type(linear) is nn.Linear and gains(linear.weight)


def gains(weight: Tensor) -> bool:
    """The same of a layer that has such a weight."""
    kind = (weight.device.type, weight.dtype)
    there = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return there and kind == ("cpu", torch.float32) and weight.numel() >= LEAST


class Product(nn.Module):
    """A linear layer for inference, which shares its weights: (..., c_in) -> (..., c_out)."""

    def __init__(self, weight: nn.Parameter, bias: nn.Parameter | None = None) -> None:
        super().__init__()
        self.weight = weight
        self.register_parameter("bias", bias)

    def forward(self, x: Tensor) -> Tensor:
        # what torch.compile makes of a linear layer
        found: Tensor = torch.ops.mkldnn._linear_pointwise(
            x, self.weight, self.bias, "none", [], ""
        )
        return found
