"""Outputs of every network on a device, in fp32 and bf16, beside a CPU's in fp32.

drawn weights, settled BatchNorms, drawn samples -> largest difference, in parts of the output
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from eval.gpu.machine import DTYPES, Sizes
from eval.gpu.results import Rows, Unit
from zoo.models._builder import build_model
from zoo.models._registry import get_entry

LENGTH = 128  # tokens of a text, at most
PIXELS = 48  # of each side of an image for a network that makes images, at most


def units(names: Sequence[str], device: torch.device, sizes: Sizes) -> Iterator[Unit]:
    """Yield a unit for each network."""
    for name in names:
        yield name, partial(compare_outputs, name, device, sizes.probes)


def samples(name: str, number: int) -> Tensor:
    """Return drawn samples as a network takes them: token ids, or numbers of N(0, 1)."""
    entry = get_entry(name)
    size, generator = entry.cfg["input_size"], torch.Generator().manual_seed(1)
    if entry.is_language_model:
        shape = (number, min(LENGTH, size[0]))
        return torch.randint(entry.cfg["vocab_size"], shape, generator=generator)
    if len(size) == 3 and not entry.is_classifier:
        size = (size[0], *(min(PIXELS, side) for side in size[1:]))
    return torch.randn(number, *size, generator=generator)


@contextmanager
def true_fp32() -> Iterator[None]:
    """Convolve in fp32 on a GPU too, where cuDNN would round to TF32."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


@torch.no_grad()
def settle(network: nn.Module, x: Tensor) -> None:
    """Give BatchNorms the statistics of samples: without, a thousand layers grow beyond numbers."""
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.momentum = None  # the mean of what is seen
    if norms:
        network.train()
        network(x)
    network.eval()


@torch.inference_mode()
def compare_outputs(name: str, device: torch.device, number: int) -> Rows:
    """Return a row for each precision: the largest difference from the CPU in fp32, in parts of
    the largest output, and the share of classifiers' top-1 that stayed.

    Raises:
        FloatingPointError: The outputs are not finite.
    """
    torch.manual_seed(0)
    network, x = build_model(name), samples(name, number)
    settle(network, x)
    expected: Any = network(x)
    rows = []
    for precision, dtype in DTYPES.items():
        there = network.to(device, dtype)
        inputs = x.to(device) if x.dtype == torch.long else x.to(device, dtype)
        with true_fp32():
            output = there(inputs).float().cpu()
        if not (output.isfinite().all() and expected.isfinite().all()):
            raise FloatingPointError(f"outputs in {precision} are not finite")
        scale = expected.abs().max().clamp_min(torch.finfo(torch.float32).tiny)
        row: dict[str, Any] = {
            "model": name,
            "who": f"ours, {precision}",
            "against": "a CPU in fp32",
        }
        row |= {"difference": float((output - expected).abs().max() / scale)}
        if output.dim() == expected.dim() and get_entry(name).is_classifier:
            row["same"] = float((output.argmax(-1) == expected.argmax(-1)).float().mean())
        rows.append(row)
    return rows
