"""Optimization of a network for inference on the machine at hand.

fold BatchNorm -> channels last -> 3x3 convolutions by Winograd, linear layers by oneDNN (both on a
CPU in float32) -> [compile]

`model.optimized` reports the steps, the error and the speedup.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from zoo.inference.optimize.fold_batchnorm import fold as fold_norms
from zoo.inference.optimize.fold_batchnorm import tensors_in
from zoo.inference.optimize.linear import OneDNNLinear, weight_fits
from zoo.inference.optimize.linear import fits as linear_fits
from zoo.inference.optimize.winograd import WinogradConv2d
from zoo.inference.optimize.winograd import fits as conv_fits

ROUNDS = 5
Step = tuple[str, Callable[[], object]]  # description, function that undoes it


@dataclass(frozen=True)
class OptimizationReport:
    """Steps and effect of `optimize` on a network."""

    steps: tuple[str, ...]  # in their order
    max_rel_error: float  # largest change of an output over the largest output, on the example
    speedup: float  # seconds before over seconds after, on the example

    def __str__(self) -> str:
        steps = "; ".join(self.steps) or "nothing"
        return f"{steps}. Outputs moved by {self.max_rel_error:.1e}; {self.speedup:.2f} x as fast."


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
    """Make a network fast for inference on its device, in place.

    Layout, Winograd and oneDNN are timed on the example and undone if they are not faster.

    Args:
        model: any network of the zoo, or another with an `example`.
        dtype: of weights and inputs. bfloat16 is twice as fast on a CPU with instructions for it,
            and moves outputs by about a hundredth. Unchanged by default.
        channels_last: use this memory layout, for networks with convolutions.
        compile: run torch.compile, which needs a C++ compiler on a CPU.
        fold: fold BatchNorm into the convolution before it.
        winograd: run 3x3 convolutions by Winograd's algorithm, on a CPU in float32. Their weights
            take four times as much memory.
        onednn: run large linear layers by oneDNN, on a CPU in float32.
        example: an input as the network will get them, of any layout and floating type.

    Returns:
        The model itself in eval mode, no longer for training and with another state dict. Its
        attribute `optimized` is an OptimizationReport.

    Raises:
        ValueError: the network does not take the example, or needs one.

    >>> import zoo
    >>> model = zoo.optimize(zoo.create("wrn16_4"))
    >>> model.optimized.steps[0]
    '7 BatchNorms folded'
    """
    example = example_of(model) if example is None else example
    before, slow = run_timed(model.eval(), example)
    steps = list(prepare(model, example[:1], dtype=dtype, fold=fold))
    after, fast = run_timed(model, example)
    to_winograd = partial(by_winograd, example=example)
    options = ((lay_out, channels_last), (to_winograd, winograd), (by_onednn, onednn))
    for apply in [apply for apply, is_asked in options if is_asked]:
        if not (step := apply(model)):
            continue
        description, undo = step
        outputs, seconds = run_timed(model, example)
        if seconds < fast:
            after, fast = outputs, seconds
            steps.append(description)
        else:
            undo()
    if compile:
        model.compile()
        after, fast = run_timed(model, example)
        steps.append("compiled")
    report = OptimizationReport(tuple(steps), _max_rel_error(before, after), slow / fast)
    vars(model)["optimized"] = report
    return model


def prepare(
    model: nn.Module, example: Tensor, *, dtype: torch.dtype | None = None, fold: bool = True
) -> Iterator[str]:
    """Fold BatchNorms and cast; yield a description of each step."""
    if fold and (count := fold_norms(model, example)):
        yield f"{count} BatchNorms folded"
    if dtype:
        model.to(dtype)
        model.register_forward_pre_hook(_CastInputs(dtype))
        yield str(dtype).removeprefix("torch.")


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
    """Bring a network with convolutions to channels_last."""
    if not any(isinstance(module, nn.Conv2d) for module in model.modules()):
        return None
    cast(Any, model).to(memory_format=torch.channels_last)
    hook = model.register_forward_pre_hook(_as_channels_last)

    def undo() -> None:
        hook.remove()
        cast(Any, model).to(memory_format=torch.contiguous_format)

    return "channels last", undo


def by_winograd(model: nn.Module, example: Tensor) -> Step | None:
    """Replace the convolutions that are faster by Winograd's algorithm."""
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
            is_faster[shape] = time_run(WinogradConv2d(conv), x) < time_run(conv.forward, x)
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


def example_of(model: nn.Module) -> Tensor:
    """Return noise or token ids as an input for a network of the zoo.

    Raises:
        ValueError: the network is not of the zoo.
    """
    cfg = getattr(model, "pretrained_cfg", None)
    if not cfg:
        raise ValueError(f"a {type(model).__name__} has no pretrained_cfg; give an `example`")
    device, generator = next(model.parameters()).device, torch.Generator().manual_seed(0)
    if "vocab_size" in cfg:
        shape = (1, min(cast(Any, model).context, 128))
        return torch.randint(cfg["vocab_size"], shape, generator=generator).to(device)
    is_any_size = "num_classes" not in cfg and len(cfg["input_size"]) == 3
    size = (1, cfg["input_size"][0], 96, 96) if is_any_size else (8, *cfg["input_size"])
    return torch.rand(size, generator=generator).to(device)


@torch.inference_mode()
def run_timed(model: nn.Module, example: Tensor) -> tuple[list[Tensor], float]:
    """Return the outputs of a network and its seconds."""
    try:
        outputs = [value.float() for value in tensors_in(model(example))]
    except (RuntimeError, IndexError) as error:
        raise ValueError(f"the network does not take the example: {error}") from None
    return outputs, time_run(model, example)


def time_run(run: Callable[[Tensor], object], example: Tensor) -> float:
    """Return the shortest of ROUNDS times, after a warm-up."""
    run(example)
    seconds = []
    for _ in range(ROUNDS):
        _synchronize(example.device)
        start = time.perf_counter()
        run(example)
        _synchronize(example.device)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def _synchronize(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def _max_rel_error(before: Sequence[Tensor], after: Sequence[Tensor]) -> float:
    pairs = zip(before, after, strict=True)
    return max(float((b - a).abs().max() / b.abs().max().clamp_min(1e-30)) for b, a in pairs)
