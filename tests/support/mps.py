"""A stand-in for tensors on Apple's MPS: values are real, float64 is refused as it is there."""

from typing import Any, Self

import torch
from torch import Tensor

HOST = {torch.Tensor.cpu, torch.Tensor.tolist, torch.Tensor.item, torch.Tensor.numpy}


class OnMps(Tensor):
    """A tensor of MPS: whatever is computed from it is there too, until it is moved by cpu()."""

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> "Self | Any":
        with torch._C.DisableTorchFunctionSubclass():
            result = func(*args, **(kwargs or {}))
        if func in HOST or not isinstance(result, Tensor):
            return result.as_subclass(Tensor) if isinstance(result, Tensor) else result
        if result.dtype == torch.float64:
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype")
        return result.as_subclass(cls)
