"""Linear layers in float32 by oneDNN, which uses the widest instructions of any CPU.

x W^T + b    torch asks MKL, which stays with AVX2 on CPUs that are not Intel's
"""

import torch
from torch import Tensor, nn

MIN_WEIGHT = 1 << 17  # numbers: a smaller product ends before oneDNN has started


def fits(linear: nn.Module) -> bool:
    """Return True for a linear layer that oneDNN can speed up."""
    return type(linear) is nn.Linear and weight_fits(linear.weight)


def weight_fits(weight: Tensor) -> bool:
    """Return True for a large weight in float32 on a CPU with oneDNN."""
    is_available = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    is_float32_cpu = (weight.device.type, weight.dtype) == ("cpu", torch.float32)
    return is_available and is_float32_cpu and weight.numel() >= MIN_WEIGHT


class OneDNNLinear(nn.Module):
    """A linear layer for inference that shares its weights: (..., c_in) -> (..., c_out)."""

    def __init__(self, weight: nn.Parameter, bias: nn.Parameter | None = None) -> None:
        super().__init__()
        self.weight = weight
        self.register_parameter("bias", bias)

    def forward(self, x: Tensor) -> Tensor:
        # what torch.compile makes of a linear layer
        y: Tensor = torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, "none", [], "")
        return y
