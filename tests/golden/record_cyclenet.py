"""Golden forecasts of CycleNet, by the Python files of its authors.

    python -m tests.golden.record_cyclenet CHECKOUT_OF_ACAT-SCUT/CycleNet

Writes golden/cyclenet.json: for each variant the first channel's forecast, in float64. Weights and
inputs are sines of their places (see `wave`), so that both sides can make them.
"""

import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

OUT = Path(__file__).with_name("cyclenet.json")
LOOK_BACK, HORIZON, CHANNELS, CYCLE, WIDTH = 20, 9, 3, 7, 5
PHASES = [3, 6]  # of the first step to forecast, of two windows
VARIANTS = {
    f"{kind}{'' if revin else ' without RevIN'}": (kind, revin)
    for kind in ("linear", "mlp")
    for revin in (True, False)
}


def wave(shape: tuple[int, ...], offset: int) -> Tensor:
    """Values of both signs: (*shape) in float64."""
    places = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    return torch.sin(0.7 * places + offset).reshape(shape)


def fill(network: torch.nn.Module) -> Any:
    """Give every tensor a wave, in the order of the network's parameters."""
    network = network.double()
    for offset, parameter in enumerate(network.parameters()):
        parameter.data = wave(tuple(parameter.shape), offset)
    return network


def record(checkout: Path) -> dict[str, list[list[float]]]:
    """Return {variant: forecasts of the first channel for two windows}."""
    spec = importlib.util.spec_from_file_location("authors", checkout / "models" / "CycleNet.py")
    assert spec
    assert spec.loader
    authors = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(authors)
    sizes = {"seq_len": LOOK_BACK, "pred_len": HORIZON, "enc_in": CHANNELS, "cycle": CYCLE}
    x = 3 * wave((len(PHASES), LOOK_BACK, CHANNELS), 1) + 2
    outputs = {}
    for name, (kind, revin) in VARIANTS.items():
        options = SimpleNamespace(**sizes, model_type=kind, d_model=WIDTH, use_revin=revin)
        with torch.no_grad():
            outputs[name] = fill(authors.Model(options))(x, torch.tensor(PHASES))[..., 0].tolist()
    return outputs


if __name__ == "__main__":
    OUT.write_text(json.dumps(record(Path(sys.argv[1])), indent=1) + "\n")
