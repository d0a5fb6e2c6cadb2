"""Skip the random initialisation of parameters that weights will overwrite."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

DRAWS = {"uniform_", "normal_", "kaiming_uniform_", "kaiming_normal_", "trunc_normal_"}


class SkipInit(TorchFunctionMode):
    """Within it, constructors leave parameters as the memory was, where they would draw them; a
    change of type makes new ones of these, and does not read them."""

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = {**(kwargs or {})}
        tensor = args[0] if args else given.get("tensor")
        if not isinstance(tensor, nn.Parameter):
            return function(*args, **given)
        if getattr(function, "__name__", "") in DRAWS:
            return tensor
        kind = next((arg for arg in args if isinstance(arg, torch.dtype)), tensor.dtype)
        if function is Tensor.to and kind is not tensor.dtype:
            return torch.empty_like(tensor, dtype=kind)
        return function(*args, **given)
