"""Golden logits of the authors' i-RevNets, from their Python files.

uv run python tests/golden/record_i_revnet.py PATH    a clone (or bare repository) of
jhjacobsen/pytorch-i-revnet
"""

import sys
import types
from pathlib import Path
from typing import Any

import torch
from fill import layers_of
from record import HOW, measure, read, source, write
from torch import Tensor, nn

REPOSITORY, FILE = "jhjacobsen/pytorch-i-revnet", "models/iRevNet.py"
CLASSES, PIXELS = 10, 32
NETS: dict[str, tuple[str, list[int], dict[str, Any]]] = {
    "injective": (
        "irevnet163",
        [3, 2, 1],
        {"nStrides": [1, 2, 2], "nChannels": [16, 64, 256], "init_ds": 0},
    ),
    "bijective": (
        "irevnet301",
        [2, 1, 3],
        {"nStrides": [2, 2, 2], "nChannels": [24, 96, 384], "init_ds": 2},
    ),
}


class Logits(nn.Module):
    """A network of theirs without its second output."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network(x)[0]
        return logits


def load(repository: Path) -> Any:
    """Return their class."""
    sys.modules["models"] = types.ModuleType("models")
    for file in ("model_utils", "iRevNet"):
        module = types.ModuleType(f"models.{file}")
        module.__package__ = "models"
        sys.modules[module.__name__] = module
        exec(read(repository, f"models/{file}.py"), module.__dict__)
    return sys.modules["models.iRevNet"].__dict__["iRevNet"]


def main(repository: Path) -> None:
    maker, nets = load(repository), {}
    for name, (ours, blocks, settings) in NETS.items():
        shape = [3, PIXELS, PIXELS]
        model = Logits(maker(nBlocks=blocks, nClasses=CLASSES, in_shape=shape, **settings))
        args = {"blocks": blocks, "num_classes": CLASSES}
        nets[name] = measure(model, layers_of(model), ours=ours, args=args, size=PIXELS, batch=2)
    made_by = "tests/golden/record_i_revnet.py"
    where = source(REPOSITORY, repository, FILE)
    write("i_revnet", source=where, made_by=made_by, how=HOW, nets=nets)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
