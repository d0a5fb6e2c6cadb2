"""What a network has, counted from itself: parameters, multiply-adds, layers. Needs no weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class ModelComplexity:
    """macs: multiply-adds of convolutions and matrix products for one input; depth: weighted
    layers on the main path, without what a module says is `beside` it (by name: "downsample" if it
    says nothing); convolutions: all of them, projections included."""

    params: int
    macs: int
    depth: int
    convolutions: int


Form = tuple[Any, ...]
SEEN: dict[Form, tuple[int, Form]] = {}  # a call: its operations, the form of the tensor it makes


def form(value: Any) -> Any:
    """What a call's operations, and the form of what it makes, depend on."""
    if isinstance(value, Tensor):
        return value.shape, value.stride(), value.dtype, value.device
    return (slice, value.start, value.stop, value.step) if isinstance(value, slice) else value


class CachedFlopCounter(TorchFunctionMode):
    """Sums up what torch's FlopCounterMode counts of each function of torch. One that was called
    before with arguments of the same form is not run again on the meta device, where its result is
    a form and nothing else: repeated layers, which networks are made of, cost a fifth."""

    total = 0

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        given = kwargs or {}
        leaves = tree_leaves((args, given))
        call = (func, *map(form, leaves))
        if call not in SEEN:
            with FlopCounterMode(display=False) as flops:
                made = func(*args, **given)
            fresh = isinstance(made, Tensor) and made.is_meta and all(x is not made for x in leaves)
            SEEN[call] = flops.get_total_flops(), form(made) if fresh else ()
        elif SEEN[call][1]:
            shape, stride, dtype, device = SEEN[call][1]
            made = torch.empty_strided(shape, stride, dtype=dtype, device=device)
        else:  # it changed what it was given, or made no tensor or several
            made = func(*args, **given)
        self.total += SEEN[call][0]
        return made


def count_complexity(model: nn.Module, input_size: Sequence[int]) -> ModelComplexity:
    """Counts of `model` at `input_size`: (C, H, W), or (T,) for a language model. A model on the
    meta device costs no memory."""
    device = next((parameter.device for parameter in model.parameters()), "cpu")
    kind = torch.float32 if len(input_size) > 1 else torch.long
    with torch.no_grad(), CachedFlopCounter() as operations:
        model.eval()(torch.empty(1, *input_size, device=device, dtype=kind))
    layers = [module for module in model.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    beside = {
        layer
        for module in model.modules()
        for name, child in module.named_children()
        if name in getattr(module, "beside", ("downsample",))
        for layer in child.modules()
    }
    return ModelComplexity(
        params=sum(parameter.numel() for parameter in model.parameters()),
        macs=operations.total // 2,
        depth=sum(layer not in beside for layer in layers),
        convolutions=sum(isinstance(layer, nn.Conv2d) for layer in layers),
    )
