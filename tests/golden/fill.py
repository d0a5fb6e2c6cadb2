"""Weights and images that two implementations of one network can both make, on any machine.

numpy.random.RandomState(seed) -> one stream -> layer 1, layer 2, ... in the order of execution

Within a residual block the residual path comes first, then the shortcut. Signs, biases and
running statistics are drawn as well: fresh ones (1, 0, 0, 1) hide a BatchNorm in the wrong place.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

CONVOLUTIONS = (nn.Conv2d, nn.Conv3d)
BATCH_NORMS = (nn.BatchNorm2d, nn.BatchNorm3d)
KINDS = (*CONVOLUTIONS, *BATCH_NORMS, nn.LayerNorm, nn.Linear, nn.RMSNorm, nn.ParameterList)


def layers_of(model: nn.Module) -> list[nn.Module]:
    """What `fill` fills, in the order of definition."""
    return [m for m in model.modules() if isinstance(m, KINDS) or hasattr(m, "gamma")]


def images(size: int, batch: int = 2, channels: int = 3, seed: int = 1) -> Tensor:
    """(batch, channels, size, size) of N(0, 1), float64."""
    draw = np.random.RandomState(seed).standard_normal((batch, channels, size, size))
    return torch.from_numpy(draw)


def clips(channels: int = 3, batch: int = 2, seed: int = 1) -> Tensor:
    """(batch, channels, 16, 160, 160) of N(0, 1), float64: clips of P3D's size."""
    draw = np.random.RandomState(seed).standard_normal((batch, channels, 16, 160, 160))
    return torch.from_numpy(draw)


def sweep() -> np.ndarray:
    """A second of sound at 16 kHz: a tone that rises, noise, and at last a quarter of nothing."""
    t = np.arange(16_000) / 16_000
    sound = 0.3 * np.sin(2 * np.pi * (300 * t + 900 * t * t))
    sound += 0.05 * np.random.RandomState(0).standard_normal(16_000)
    return np.where(t < 0.75, sound, 0.0)


def fill(layers: Iterable[nn.Module], seed: int = 0) -> None:
    """Makes every layer float64 and draws its weights, one stream over all of them."""
    random = np.random.RandomState(seed)
    for layer in layers:
        layer.double()
        drawn = _values(layer, random)
        with torch.no_grad():
            for name, values in drawn.items():
                if getattr(layer, name) is not None:  # else a BatchNorm without scale and shift
                    getattr(layer, name).copy_(torch.from_numpy(values))


def _values(layer: nn.Module, random: np.random.RandomState) -> dict[str, np.ndarray]:
    if isinstance(layer, BATCH_NORMS):
        return _norm(layer, random)
    if isinstance(layer, nn.LayerNorm) and layer.elementwise_affine:
        n = layer.normalized_shape[0]
        return {"weight": random.uniform(0.5, 1.5, n), "bias": random.normal(0, 0.2, n)}
    if isinstance(layer, (*CONVOLUTIONS, nn.Linear)):
        return _map(layer, random)
    return {
        name: random.uniform(0.5, 1.5, tuple(parameter.shape))
        for name, parameter in layer.named_parameters(recurse=False)
    }


def _map(layer: Any, random: np.random.RandomState) -> dict[str, np.ndarray]:
    """A convolution or linear layer: weight N(0, 1 / fan_in) by variance, bias N(0, 0.1 ** 2)."""
    shape = tuple(layer.weight.shape)
    drawn = {"weight": random.normal(0, np.prod(shape[1:]) ** -0.5, shape)}
    return drawn if layer.bias is None else drawn | {"bias": random.normal(0, 0.1, shape[0])}


def _norm(layer: Any, random: np.random.RandomState) -> dict[str, np.ndarray]:
    """A BatchNorm: one scale in five is negative, which tells BN-ReLU-pool from pool-BN-ReLU."""
    n = layer.num_features
    scale = random.uniform(0.5, 1.5, n)
    return {
        "weight": np.where(random.uniform(size=n) < 0.2, -scale, scale),
        "bias": random.normal(0, 0.2, n),
        "running_mean": random.normal(0, 0.2, n),
        "running_var": random.uniform(0.5, 1.5, n),
    }


def drawn_by_name(shapes: Mapping[str, tuple[int, ...]], seed: int = 0) -> dict[str, Tensor]:
    """A state dict in float64, one stream over the names in order: vectors about 1 (norms) or 0
    (biases), others of variance 1 / fan_in."""
    random = np.random.RandomState(seed)
    state = {}
    for name in sorted(shapes):
        shape = tuple(shapes[name])
        if len(shape) > 1:
            values = random.normal(0, shape[-1] ** -0.5, shape)
        else:
            values = random.uniform(0.5, 1.5, shape) - (1.0 if name.endswith("bias") else 0.0)
        state[name] = torch.from_numpy(values)
    return state


def sum_of_names(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Return the sha256 of names and shapes, sorted."""
    lines = [f"{name} {list(shape)}" for name, shape in sorted(shapes.items())]
    return sha256("\n".join(lines).encode()).hexdigest()
