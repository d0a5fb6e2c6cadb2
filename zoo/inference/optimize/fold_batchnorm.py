"""BatchNorm in eval mode is a scale and a shift: a convolution before it can do them itself.

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
    """Folds each BatchNorm that follows a convolution, and it alone, into that; how many there
    were. An Identity takes its place. What follows what is seen on an example."""
    pairs = list(_pairs(model, example))
    names = list(model.named_modules(remove_duplicate=False))
    for conv, norm in pairs:
        statistics = (norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias)
        conv.weight, conv.bias = fuse_conv_bn_weights(conv.weight, conv.bias, *statistics)
        for name in [name for name, module in names if module is norm]:
            model.set_submodule(name, nn.Identity())
    return len(pairs)


@torch.no_grad()
def _pairs(model: nn.Module, example: Tensor) -> Iterator[tuple[nn.Conv2d, Any]]:
    """(convolution, the BatchNorm that alone sees what it gives), both called once."""
    watch = _Watch()
    modules = [m for m in model.modules() if type(m) in (nn.Conv2d, nn.BatchNorm2d)]
    hooks = [module.register_forward_hook(watch.called) for module in modules]
    try:
        with watch:
            model(example)
    finally:
        for hook in hooks:
            hook.remove()
    made = {id(out): module for module, _, out in watch.calls if isinstance(module, nn.Conv2d)}
    times = Counter(module for module, _, _ in watch.calls)
    for norm, seen, _ in watch.calls:
        conv = made.get(id(seen))
        fixed = isinstance(norm, nn.BatchNorm2d) and norm.track_running_stats
        if fixed and conv and times[norm] == times[conv] == watch.uses[id(seen)] == 1:
            yield conv, norm


class _Watch(TorchFunctionMode):
    """How often each tensor goes into a function that gives tensors, and what modules were given.
    All of them are kept meanwhile, so that no two have the same id."""

    def __init__(self) -> None:
        super().__init__()
        self.uses: Counter[int] = Counter()
        self.calls: list[tuple[nn.Module, Tensor, Tensor]] = []
        self.kept: list[Any] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        found = func(*args, **(kwargs or {}))
        if isinstance(found, Tensor | tuple | list) and not _is_getter(func):
            given = list(_tensors([*args, *(kwargs or {}).values()]))
            self.uses.update(map(id, given))
            self.kept += given
        return found

    def called(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        """Notes what a module saw and gave."""
        self.calls.append((module, inputs[0], output))


def _is_getter(func: Callable[..., Any]) -> bool:
    """Whether a function only reads an attribute, as x.shape does."""
    return getattr(func, "__name__", "") == "__get__"


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors(part)
