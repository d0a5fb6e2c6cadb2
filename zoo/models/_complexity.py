"""Parameters, multiply-adds and layers, counted from a network. Needs no weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode, bmm_flop


@dataclass(frozen=True)
class ModelComplexity:
    """Counts of a network."""

    params: int
    macs: int  # multiply-adds of convolutions and matrix products for one input
    depth: int  # weighted layers on the main path, without children named in `beside`
    convolutions: int  # all of them, projections included


Signature = tuple[Any, ...]
CALLS: dict[Signature, tuple[int, Signature]] = {}  # call -> (FLOPs, signature of its output)


def tensor_signature(value: Any) -> Any:
    """Return what the FLOPs and the output's signature of a call depend on."""
    if isinstance(value, Tensor):
        return value.shape, value.stride(), value.dtype, value.device
    return (slice, value.start, value.stop, value.step) if isinstance(value, slice) else value


def _baddbmm_flop(_: Any, left: Any, right: Any, **settings: Any) -> int:
    flops: int = bmm_flop(left, right)
    return flops


IN_PLACE = {torch.ops.aten.baddbmm_: _baddbmm_flop}  # what torch's counter leaves out


class CachedFlopCounter(TorchFunctionMode):
    """torch's FlopCounterMode with a cache over calls of torch functions.

    On the meta device, a call whose arguments have a known signature is not run again: its output
    has a shape and nothing else. Repeated layers, which networks are made of, cost a fifth.
    """

    total = 0

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        leaves = tree_leaves((args, kwargs))
        call = (func, *map(tensor_signature, leaves))
        if call not in CALLS:
            with FlopCounterMode(display=False, custom_mapping=IN_PLACE) as flops:
                out = func(*args, **kwargs)
            fresh = isinstance(out, Tensor) and out.is_meta and all(x is not out for x in leaves)
            CALLS[call] = flops.get_total_flops(), tensor_signature(out) if fresh else ()
        elif CALLS[call][1]:
            shape, stride, dtype, device = CALLS[call][1]
            out = torch.empty_strided(shape, stride, dtype=dtype, device=device)
        else:  # an in-place call, or one with no or several outputs
            out = func(*args, **kwargs)
        self.total += CALLS[call][0]
        return out


def count_complexity(model: nn.Module, input_size: Sequence[int]) -> ModelComplexity:
    """Count parameters, multiply-adds and layers. A model on the meta device costs no memory.

    Args:
        model: The network. A module may name the children that are off the main path in an
            attribute `beside`; by default ("downsample",).
        input_size: (C, H, W), (C, T) of a series, (T,) for a language model, or (columns,) of a
            table.
    """
    device = next((parameter.device for parameter in model.parameters()), "cpu")
    reads_ids = any(isinstance(module, nn.Embedding) for module in model.modules())
    dtype = torch.long if reads_ids and len(input_size) == 1 else torch.float32
    with torch.no_grad(), CachedFlopCounter() as flops:
        model.eval()(torch.empty(1, *input_size, device=device, dtype=dtype))
    convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d
    weighted = convolution | nn.Linear | nn.LSTMCell
    layers = [module for module in model.modules() if isinstance(module, weighted)]
    beside = {
        layer
        for module in model.modules()
        for name, child in module.named_children()
        if name in getattr(module, "beside", ("downsample",))
        for layer in child.modules()
    }
    return ModelComplexity(
        params=sum(parameter.numel() for parameter in model.parameters()),
        macs=flops.total // 2,
        depth=sum(layer not in beside for layer in layers),
        convolutions=sum(isinstance(layer, convolution) for layer in layers),
    )
