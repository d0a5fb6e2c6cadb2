"""Steps that make a network faster where it is, without another library.

fold BatchNorm -> [cast] -> channels last -> 3x3 convolutions by Winograd, linear layers by oneDNN

The last three are timed on an example and taken back where they are not faster.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from zoo.inference.optimize.fold_batchnorm import fold as fold_norms
from zoo.inference.optimize.linear import OneDNNLinear, weight_fits
from zoo.inference.optimize.linear import fits as linear_fits
from zoo.inference.optimize.timing import time_run
from zoo.inference.optimize.winograd import WinogradConv2d, direct
from zoo.inference.optimize.winograd import fits as conv_fits

Step = tuple[str, Callable[[], object]]  # description, function that undoes it


def prepare(model: nn.Module, example: Tensor, *, dtype: torch.dtype | None = None) -> list[str]:
    """Fold, cast, lay out and take Winograd's algorithm; return a description of each step."""
    steps = []
    if count := fold_norms(model, example[:1]):
        steps.append(f"{count} BatchNorms folded")
    if dtype:
        cast_weights(model, dtype)
        model.register_forward_pre_hook(_CastInputs(dtype))
        steps.append(str(dtype).removeprefix("torch."))
    return steps + time_steps(model, example, [lay_out, partial(by_winograd, example=example)])


def time_steps(
    model: nn.Module, example: Tensor, steps: Sequence[Callable[[nn.Module], Step | None]]
) -> list[str]:
    """Make a network faster in place; return a description of each step that stays."""
    descriptions, fastest = [], time_run(model, example)
    for apply in steps:
        if not (step := apply(model)):
            continue
        description, undo = step
        seconds = time_run(model, example)
        if seconds < fastest:
            fastest = seconds
            descriptions.append(description)
        else:
            undo()
    return descriptions


def cast_weights(model: nn.Module, dtype: torch.dtype) -> None:
    """Give a network weights of a type of its own; those that others share stay."""
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        model.to(dtype)
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(False)


class _CastInputs:
    """A hook that casts floating inputs."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype

    def __call__(self, module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(
            value.to(self.dtype)
            if isinstance(value, Tensor) and value.is_floating_point()
            else value
            for value in inputs
        )


def _as_channels_last(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(
        value.contiguous(memory_format=torch.channels_last)
        if isinstance(value, Tensor) and value.dim() == 4
        else value
        for value in inputs
    )


def lay_out(model: nn.Module) -> Step | None:
    """Bring a network with convolutions to channels_last; weights that others share stay."""
    convs = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
    if not convs:
        return None
    weights = [conv.weight for conv in convs]
    for conv, weight in zip(convs, weights, strict=True):
        blocked = weight.detach().contiguous(memory_format=torch.channels_last)
        conv.weight = nn.Parameter(blocked, requires_grad=weight.requires_grad)
    hook = model.register_forward_pre_hook(_as_channels_last)

    def undo() -> None:
        hook.remove()
        for conv, weight in zip(convs, weights, strict=True):
            conv.weight = weight

    return "channels last", undo


def by_winograd(model: nn.Module, example: Tensor) -> Step | None:
    """Replace the convolutions that Winograd's algorithm makes faster, compiled or not."""
    convs = _faster_by_winograd(model, example)
    for name, conv in convs.items():
        model.set_submodule(name, WinogradConv2d(conv))

    def undo() -> None:
        for name, conv in convs.items():
            model.set_submodule(name, conv)

    return (f"{len(convs)} 3x3 convolutions by Winograd", undo) if convs else None


@torch.inference_mode()
def _faster_by_winograd(model: nn.Module, example: Tensor) -> dict[str, nn.Conv2d]:
    """Return convolutions by name, timed on their inputs: one for each shape."""
    is_faster: dict[tuple[object, ...], bool] = {}
    faster: dict[str, nn.Conv2d] = {}

    def time_conv(name: str, conv: nn.Conv2d, inputs: tuple[Tensor, ...], output: object) -> None:
        x = inputs[0]
        shape = (conv.out_channels, *x.shape, x.stride())
        if shape not in is_faster:
            is_faster[shape] = time_run(WinogradConv2d(conv), x) < time_run(direct(conv, x), x)
        if is_faster[shape]:
            faster[name] = conv

    convs = {name: module for name, module in model.named_modules() if conv_fits(module)}
    hooks = [conv.register_forward_hook(partial(time_conv, name)) for name, conv in convs.items()]
    if hooks:
        model(example)
    for hook in hooks:
        hook.remove()
    return faster


def by_onednn(model: nn.Module) -> Step | None:
    """Replace large linear layers, the tied head of a decoder among them."""
    layers: dict[str, Any] = {n: m for n, m in model.named_modules() if linear_fits(m)}
    for name, layer in layers.items():
        model.set_submodule(name, OneDNNLinear(layer.weight, layer.bias))
    decoder = cast(Any, model)
    is_tied = getattr(model, "tied", False) and weight_fits(decoder.tok_embeddings.weight)
    if is_tied:
        decoder.tied, decoder.output = False, OneDNNLinear(decoder.tok_embeddings.weight)

    def undo() -> None:
        for name, layer in layers.items():
            model.set_submodule(name, layer)
        if is_tied:
            decoder.tied = True
            del decoder.output

    count = len(layers) + is_tied
    return (f"linear layers by oneDNN ({count})", undo) if count else None
