"""Skip the random initialisation of parameters that weights will overwrite."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

RANDOM_INITS = {"uniform_", "normal_", "kaiming_uniform_", "kaiming_normal_", "trunc_normal_"}


class SkipInit(TorchFunctionMode):
    """Leave parameters uninitialised, like transformers' no_init_weights.

    A change of dtype allocates new parameters and does not read the uninitialised ones.
    """

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        tensor = args[0] if args else kwargs.get("tensor")
        if not isinstance(tensor, nn.Parameter):
            return function(*args, **kwargs)
        if getattr(function, "__name__", "") in RANDOM_INITS:
            return tensor
        dtype = next((arg for arg in args if isinstance(arg, torch.dtype)), tensor.dtype)
        if function is Tensor.to and dtype is not tensor.dtype:
            return torch.empty_like(tensor, dtype=dtype)
        return function(*args, **kwargs)
