"""Folding of BatchNorm in eval mode into the convolution before it.

conv -> BN    =    conv, w * gamma / sqrt(var + eps), (b - mean) * gamma / sqrt(var + eps) + beta
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights
from torch.overrides import TorchFunctionMode


def fold(model: nn.Module, example: Tensor) -> int:
    """Fold BatchNorms into convolutions in place and return their number.

    A BatchNorm is folded if it alone uses the output of a convolution, and both run once on the
    example. An Identity takes its place.
    """
    pairs = list(_pairs(model, example))
    named_modules = list(model.named_modules(remove_duplicate=False))
    for conv, norm in pairs:
        statistics = (norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias)
        conv.weight, conv.bias = fuse_conv_bn_weights(conv.weight, conv.bias, *statistics)
        for name in [name for name, module in named_modules if module is norm]:
            model.set_submodule(name, nn.Identity())
    return len(pairs)


@torch.no_grad()
def _pairs(model: nn.Module, example: Tensor) -> Iterator[tuple[nn.Conv2d, Any]]:
    """Yield (convolution, the BatchNorm that alone uses its output), each called once."""
    recorder = _Recorder()
    modules = [m for m in model.modules() if type(m) in (nn.Conv2d, nn.BatchNorm2d)]
    hooks = [module.register_forward_hook(recorder.record_call) for module in modules]
    try:
        with recorder:
            model(example)
    finally:
        for hook in hooks:
            hook.remove()
    producers = {id(y): module for module, _, y in recorder.calls if isinstance(module, nn.Conv2d)}
    calls = Counter(module for module, _, _ in recorder.calls)
    for norm, x, _ in recorder.calls:
        conv = producers.get(id(x))
        is_fixed = isinstance(norm, nn.BatchNorm2d) and norm.track_running_stats
        if is_fixed and conv and calls[norm] == calls[conv] == recorder.uses[id(x)] == 1:
            yield conv, norm


class _Recorder(TorchFunctionMode):
    """Record module calls, and how many functions take each tensor and return tensors.

    All tensors stay alive meanwhile, so that no two have the same id.
    """

    def __init__(self) -> None:
        super().__init__()
        self.uses: Counter[int] = Counter()
        self.calls: list[tuple[nn.Module, Tensor, Tensor]] = []
        self.alive: list[Any] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        is_getter = getattr(func, "__name__", "") == "__get__"  # reads an attribute, as x.shape
        if isinstance(output, Tensor | tuple | list) and not is_getter:
            inputs = list(tensors_in([*args, *(kwargs or {}).values()]))
            self.uses.update(map(id, inputs))
            self.alive += inputs
        return output

    def record_call(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self.calls.append((module, inputs[0], output))


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Yield the tensors of nested lists and tuples."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from tensors_in(item)
