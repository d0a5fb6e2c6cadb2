"""Golden log-determinants of a residual block, by the Python files of its authors.

    python -m tests.golden.record_residual_flows CHECKOUT_OF_rtqichen/residual-flows

Writes golden/residual_flows.json: for points of the plane, in float64, x + g(x), log |det| by brute
force, and the truncated series with exact traces. Weights are drawn by a seed, points are sines.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tests.golden.record_cyclenet import wave

OUT = Path(__file__).with_name("residual_flows.json")
WIDTHS, COEFF, TERMS = (6, 5), 0.9, 2
ITERATIONS = 2000  # of the authors' power method


def points() -> Tensor:
    """Return (7, 2) in float64."""
    return 2 * wave((7, 2), 3)


def fill(block: nn.Module) -> Any:
    """Draw all weights and biases, in the order of the layers."""
    block = block.double()
    generator = torch.Generator().manual_seed(0)
    for layer in (layer for layer in block.modules() if hasattr(layer, "weight")):
        for parameter in (layer.weight, layer.bias):
            drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.data = drawn
    return block


def record(checkout: Path) -> dict[str, Any]:
    """Return {what: values of the points}."""
    torch.set_default_dtype(torch.float64)  # the authors' bound is rounded to the default
    sys.path.insert(0, str(checkout))
    lipschitz = importlib.import_module("resflows.layers.base.lipschitz")
    activations = importlib.import_module("resflows.layers.base.activations")
    iresblock = importlib.import_module("resflows.layers.iresblock")
    parts: list[nn.Module] = []
    for first, last in ((2, WIDTHS[0]), WIDTHS, (WIDTHS[1], 2)):
        layer = lipschitz.SpectralNormLinear(first, last, coeff=COEFF, n_iterations=ITERATIONS)
        parts += [activations.Swish(), layer]
    net = fill(nn.Sequential(*parts))
    for layer in parts[1::2]:
        layer.compute_weight(update=True)  # type: ignore[operator]
    outputs: dict[str, Any] = {}
    zeros = torch.zeros(7, 1, dtype=torch.float64)
    brute = iresblock.iResBlock(net, brute_force=True).eval()
    y, change = brute(points(), zeros)
    outputs["y"], outputs["log_determinant"] = y.tolist(), (-change)[:, 0].tolist()
    outputs["inverse"] = brute.inverse(y.detach()).tolist()
    truncated = iresblock.iResBlock(net, n_power_series=TERMS, exact_trace=True).train()
    outputs["truncated"] = (-truncated(points(), zeros)[1])[:, 0].tolist()
    return outputs


if __name__ == "__main__":
    OUT.write_text(json.dumps(record(Path(sys.argv[1])), indent=1) + "\n")
