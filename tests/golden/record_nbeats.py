"""Golden forecasts of N-BEATS, by the Python files of its authors.

    python -m tests.golden.record_nbeats CHECKOUT_OF_ServiceNow/N-BEATS

Writes golden/nbeats.json: for each variant the forecasts of three windows, the last of which starts
later than its look-back, in float64. Weights and inputs are sines of their places, so that both
sides can make them. The authors' bases are of float32: here their file is read with float64 for it.
"""

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tests.golden.record_cyclenet import wave

OUT = Path(__file__).with_name("nbeats.json")
LAYERS, STACKS, BLOCKS, WIDTHS, DEGREE = 4, 3, 2, (5, 7), 3
MISSING = 8  # first steps of the last window
VARIANTS = {  # kind, look-back, horizon: an even one, and the odd one of M4's weekly series
    f"{kind} {look_back} {horizon}": (kind, look_back, horizon)
    for kind in ("generic", "interpretable")
    for look_back, horizon in ((18, 6), (26, 13))
}


def windows(look_back: int) -> Tensor:
    """Values of three windows, (3, look_back) in float64; the last has zeros for what it lacks."""
    x = 3 * wave((3, look_back), 1) + 2
    x[2, :MISSING] = 0
    return x


def fill(network: nn.Module) -> Any:
    """Give every tensor that is learned a wave, in the order of the network's parameters."""
    network = network.double()
    learned = (parameter for parameter in network.parameters() if parameter.requires_grad)
    for offset, parameter in enumerate(learned):
        parameter.data = wave(tuple(parameter.shape), offset) / 2
    return network


def authors_network(module: ModuleType, kind: str, look_back: int, horizon: int) -> Any:
    """Build a network of the authors' classes."""

    def block(size: int, basis: nn.Module, width: int) -> nn.Module:
        made: nn.Module = module.NBeatsBlock(look_back, size, basis, LAYERS, width)
        return made

    if kind == "generic":
        size = look_back + horizon
        basis = module.GenericBasis(look_back, horizon)
        blocks = [block(size, basis, WIDTHS[0]) for _ in range(STACKS)]
    else:
        trend = module.TrendBasis(DEGREE, look_back, horizon)
        waves = module.SeasonalityBasis(1, look_back, horizon)
        first = block(2 * (DEGREE + 1), trend, WIDTHS[0])
        blocks = BLOCKS * [first]
        blocks += BLOCKS * [block(4 * int(np.ceil(horizon / 2)), waves, WIDTHS[1])]
    return module.NBeats(nn.ModuleList(blocks))


def record(checkout: Path) -> dict[str, list[list[float]]]:
    """Return {variant: forecasts}."""
    text = (checkout / "models" / "nbeats.py").read_text("utf-8")
    module = ModuleType("authors")
    exec(text.replace("float32", "float64").replace("np.float)", "float)"), module.__dict__)
    outputs = {}
    for name, (kind, look_back, horizon) in VARIANTS.items():
        x, mask = windows(look_back), torch.ones(3, look_back, dtype=torch.float64)
        mask[2, :MISSING] = 0
        with torch.no_grad():
            network = fill(authors_network(module, kind, look_back, horizon))
            outputs[name] = network(x, mask).tolist()
    return outputs


if __name__ == "__main__":
    OUT.write_text(json.dumps(record(Path(sys.argv[1])), indent=1) + "\n")
