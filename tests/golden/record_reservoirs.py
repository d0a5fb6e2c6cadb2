"""Golden states of reservoirs, by the Python files of their authors.

    python -m tests.golden.record_reservoirs DEEPRESESN_CHECKOUT RESIDUALRMN_CHECKOUT

Checkouts of NennoMP/DeepResESN (2024) and NennoMP/residualrmn. Writes golden/reservoirs.json:
states in float64, by kind of skip, and the start of each file of generated series. Weights and
inputs are sines of their places (see `wave`), so that both sides can make them.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

OUT = Path(__file__).with_name("reservoirs.json")
BATCH, STEPS, UNITS, LAYERS, MEMORY = 2, 9, 5, 3, 4
INPUTS = 2
SKIPS = ("random", "cycle", "identity")
THEIR_NAMES = {"random": "ortho", "cycle": "cycle", "identity": "identity"}


def wave(shape: tuple[int, ...], offset: int) -> Tensor:
    """Values of both signs: (*shape) in float64."""
    places = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    return torch.sin(0.7 * places + offset).reshape(shape)


def series() -> Tensor:
    """(batch, steps, inputs)."""
    return wave((BATCH, STEPS, INPUTS), 1)


def mirror(offset: int) -> Tensor:
    """An orthogonal matrix: (units, units)."""
    v = wave((UNITS, 1), offset)
    return torch.eye(UNITS, dtype=torch.float64) - 2 * v @ v.T / (v * v).sum()


def layer_weights(c_in: int, offset: int) -> dict[str, Tensor]:
    """Weights of one reservoir."""
    return {
        "weight_in": wave((c_in, UNITS), offset),
        "recurrent": wave((UNITS, UNITS), offset + 1) / 2,
        "bias": wave((UNITS,), offset + 2) / 3,
        "alpha": torch.tensor(0.75, dtype=torch.float64),
        "beta": torch.tensor(0.625, dtype=torch.float64),
    }


def _fill(cell: Any, offset: int, skip: str, rows: int = 0) -> None:
    """Set the authors' parameters; of weight_in, those after `rows` are the memory's."""
    c_in = cell.in_kernel.shape[0] + (cell.memory_kernel.shape[0] if rows else 0)
    weights = layer_weights(c_in, offset)
    weight_in = weights["weight_in"]
    cell.in_kernel.data = weight_in[:rows] if rows else weight_in
    if rows:
        cell.memory_kernel.data = weight_in[rows:]
    cell.recurrent_kernel.data, cell.bias.data = weights["recurrent"], weights["bias"]
    cell.alpha.data, cell.beta.data = weights["alpha"], weights["beta"]
    if skip == "random":
        matrix = cell.O if rows else cell.ortho
        matrix.data = mirror(offset)


def deep(checkout: Path) -> dict[str, Any]:
    """Return the states of the last layer by kind of skip."""
    sys.path.insert(0, str(checkout / "code"))
    from networks import deep_resesn, init_utils  # type: ignore[import-not-found]

    states = {}
    for skip in SKIPS:
        network = deep_resesn.DeepResESN(in_size=INPUTS, n_layers=LAYERS, n_units=UNITS)
        for i, layer in enumerate(network.layers):
            layer.net.ortho = init_utils.init_shortcut(
                torch.device("cpu"), UNITS, UNITS, skip_option=THEIR_NAMES[skip]
            )
            _fill(layer.net, 10 * i, skip)
        states[skip] = network.double()(series())[0].tolist()
    return states


def memory(checkout: Path) -> dict[str, Any]:
    """Return the last states by kind of skip."""
    sys.path.insert(0, str(checkout))
    from src.networks import residualrmn  # type: ignore[import-not-found]

    states = {}
    for skip in SKIPS:
        network = residualrmn.residualrmn_(
            {
                "in_size": INPUTS,
                "n_units_m": MEMORY,
                "n_units": UNITS,
                "skip_option_t": THEIR_NAMES[skip],
            }
        )
        network.memory_reservoir.cell.in_kernel.data = wave((INPUTS, MEMORY), 7)
        _fill(network.nonlinear_reservoir.cell, 20, skip, rows=INPUTS)
        states[skip] = network.double()(series())[1].tolist()
    return states


FILES = {
    "sinmem10": "memory/SinMem/sinmem10.csv",
    "ctxor5": "memory/ctXOR/ctxor5.csv",
    "narma30": "forecasting/NARMA/narma30.csv",
    "narma60": "forecasting/NARMA/narma60.csv",
    "mackey_glass": "forecasting/MG/mackey-glass.csv",
}


def files(checkout: Path) -> dict[str, Any]:
    """Return the first 70 steps of each file: input and output, or a series alone."""
    starts = {}
    for name, file in FILES.items():
        lines = (checkout / "datasets" / file).read_text().split()
        rows = [[float(value) for value in line.split(",")] for line in lines]
        columns = rows if len(rows) < 3 else [list(column) for column in zip(*rows, strict=True)]
        starts[name] = [column[:70] for column in columns]
    return starts


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    with torch.no_grad():
        golden = {"deepresesn": deep(Path(sys.argv[1])), "resrmn": memory(Path(sys.argv[2]))}
    golden["files"] = files(Path(sys.argv[1]))
    OUT.write_text(json.dumps(golden, indent=1) + "\n")
