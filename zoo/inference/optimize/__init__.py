"""A network as it was defined -> the same function, fast on the machine at hand.

fold BatchNorm -> channels last -> 3x3 convolutions by Winograd, linear layers by oneDNN (both on a
CPU in float32) -> [compile]

What was done, how far the outputs moved and how much faster it got is in `model.optimized`.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from zoo.inference.optimize.fold_batchnorm import fold as fold_norms
from zoo.inference.optimize.linear import Product, gains
from zoo.inference.optimize.linear import fits as is_large
from zoo.inference.optimize.winograd import Winograd, fits

ROUNDS = 5
Step = tuple[str, Callable[[], object]]  # what was done, and how to take it back


@dataclass(frozen=True)
class OptimizationReport:
    """What was done to a network, step by step; the largest difference of its outputs on the
    example, as a share of the largest output; and how many times as fast it is there."""

    steps: tuple[str, ...]
    moved: float
    faster: float

    def __str__(self) -> str:
        done = "; ".join(self.steps) or "nothing"
        return f"{done}. Outputs moved by {self.moved:.1e}; {self.faster:.2f} x as fast."


def optimize(
    model: nn.Module,
    *,
    dtype: torch.dtype | None = None,
    channels_last: bool = True,
    compile: bool = False,
    fold: bool = True,
    winograd: bool = True,
    onednn: bool = True,
    example: Tensor | None = None,
) -> nn.Module:
    """Makes any network of the zoo fast for inference on the device that it is on.

    >>> model = zoo.optimize(zoo.create("wrn28_10"))
    >>> print(model.optimized)

    The network itself is changed, and returned in eval mode: it is not for training any more, and
    its state dict is another one. It is timed on `example`, an input as it will see them; what is
    not faster there is taken back. Inputs may come in any layout and floating type.

    dtype: that of weights and inputs (bfloat16 is twice as fast on a CPU that has instructions
        for it, and moves outputs by about a hundredth); as it is by default.
    channels_last: the memory layout, of networks with convolutions.
    compile: by torch.compile; needs a C++ compiler on a CPU.
    fold: BatchNorm into the convolution before it.
    winograd: layers that are faster so, on a CPU in float32; their weights take four times as much.
    onednn: linear layers on a CPU in float32.

    Raises ValueError for an example that the network does not take.
    """
    seen = example_of(model) if example is None else example
    before, slow = _timed(model.eval(), seen)
    steps = list(prepare(model, seen[:1], dtype=dtype, fold=fold))
    after, fast = _timed(model, seen)
    faster = partial(by_winograd, example=seen)
    for trial, asked in ((lay_out, channels_last), (faster, winograd), (by_onednn, onednn)):
        if not asked or not (step := trial(model)):
            continue
        found, seconds = _timed(model, seen)
        if seconds < fast:
            after, fast = found, seconds
            steps.append(step[0])
        else:
            step[1]()
    if compile:
        model.compile()
        after, fast = _timed(model, seen)
        steps.append("compiled")
    vars(model)["optimized"] = OptimizationReport(tuple(steps), _moved(before, after), slow / fast)
    return model


def prepare(
    model: nn.Module, example: Tensor, *, dtype: torch.dtype | None = None, fold: bool = True
) -> Iterator[str]:
    """Folds and casts, as an example goes through; says each step that it took."""
    if fold and (count := fold_norms(model, example)):
        yield f"{count} BatchNorms folded"
    if dtype:
        model.to(dtype)
        model.register_forward_pre_hook(_Cast(dtype))
        yield str(dtype).removeprefix("torch.")


class _Cast:
    """Brings what a network gets to its type."""

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
    """Channels last, if there are convolutions."""
    if not any(isinstance(module, nn.Conv2d) for module in model.modules()):
        return None
    cast(Any, model).to(memory_format=torch.channels_last)
    hook = model.register_forward_pre_hook(_as_channels_last)

    def undo() -> None:
        hook.remove()
        cast(Any, model).to(memory_format=torch.contiguous_format)

    return "channels last", undo


def by_winograd(model: nn.Module, example: Tensor) -> Step | None:
    """Replaces each convolution that Winograd's algorithm is faster for, as the example goes
    through."""
    found = _gaining(model, example)
    for name, conv in found.items():
        model.set_submodule(name, Winograd(conv))

    def undo() -> None:
        for name, conv in found.items():
            model.set_submodule(name, conv)

    return (f"{len(found)} 3x3 convolutions by Winograd", undo) if found else None


@torch.inference_mode()
def _gaining(model: nn.Module, example: Tensor) -> dict[str, nn.Conv2d]:
    """The convolutions that are faster by Winograd's algorithm; of those of one shape, one is
    timed, on what it is given."""
    timed: dict[tuple[object, ...], bool] = {}
    found: dict[str, nn.Conv2d] = {}

    def watch(name: str, conv: nn.Conv2d, inputs: tuple[Tensor, ...], output: object) -> None:
        x = inputs[0]
        form = (conv.out_channels, *x.shape, x.stride())
        if form not in timed:
            timed[form] = _seconds(Winograd(conv), x) < _seconds(conv.forward, x)
        if timed[form]:
            found[name] = conv

    convs = {name: module for name, module in model.named_modules() if fits(module)}
    hooks = [conv.register_forward_hook(partial(watch, name)) for name, conv in convs.items()]
    if hooks:
        model(example)
    for hook in hooks:
        hook.remove()
    return found


def by_onednn(model: nn.Module) -> Step | None:
    """Replaces each linear layer that can gain; the tied head of a decoder is one, too."""
    linear = {name: module for name, module in model.named_modules() if is_large(module)}
    for name, layer in linear.items():
        model.set_submodule(name, Product(cast(Any, layer).weight, cast(Any, layer).bias))
    decoder = cast(Any, model)
    tied = getattr(model, "tied", False) and gains(decoder.tok_embeddings.weight)
    if tied:
        decoder.tied, decoder.output = False, Product(decoder.tok_embeddings.weight)

    def undo() -> None:
        for name, layer in linear.items():
            model.set_submodule(name, layer)
        if tied:
            decoder.tied = True
            del decoder.output

    count = len(linear) + tied
    return (f"linear layers by oneDNN ({count})", undo) if count else None


def example_of(model: nn.Module) -> Tensor:
    """What a network of the zoo is tried on if nobody says: noise, or token ids. Raises ValueError
    for one that is not of the zoo."""
    cfg = getattr(model, "pretrained_cfg", None)
    if not cfg:
        raise ValueError(f"a {type(model).__name__} has no pretrained_cfg; give an `example`")
    device, generator = next(model.parameters()).device, torch.Generator().manual_seed(0)
    if "vocab_size" in cfg:
        shape = (1, min(cast(Any, model).context, 128))
        return torch.randint(cfg["vocab_size"], shape, generator=generator).to(device)
    size = (8, *cfg["input_size"]) if "num_classes" in cfg else (1, cfg["input_size"][0], 96, 96)
    return torch.rand(size, generator=generator).to(device)


@torch.inference_mode()
def _timed(model: nn.Module, example: Tensor) -> tuple[list[Tensor], float]:
    """What a network gives, and its seconds."""
    try:
        found = [value.float() for value in _tensors(model(example))]
    except (RuntimeError, IndexError) as error:
        raise ValueError(f"the network does not take the example: {error}") from None
    return found, _seconds(model, example)


def _seconds(run: Callable[[Tensor], object], example: Tensor) -> float:
    """The best of some times, after one that is not counted."""
    run(example)
    seconds = []
    for _ in range(ROUNDS):
        _wait(example.device)
        start = time.perf_counter()
        run(example)
        _wait(example.device)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Sequence):
        for part in value:
            yield from _tensors(part)


def _moved(before: Sequence[Tensor], after: Sequence[Tensor]) -> float:
    pairs = zip(before, after, strict=True)
    return max(float((b - a).abs().max() / b.abs().max().clamp_min(1e-30)) for b, a in pairs)
