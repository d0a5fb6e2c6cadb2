"""Golden logits of the authors' RDNet, from their Python file.

uv run python tests/golden/record_rdnet.py PATH     a clone (or bare repository) of naver-ai/rdnet
"""

import argparse
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import timm.layers
import timm.models
import torch
from fill import layers_of
from record import measure, read, source, write

FILE = "rdnet/rdnet.py"
NETS = {"rdnet_tiny": 224, "rdnet_small": 64, "rdnet_base": 64, "rdnet_large": 64}
HOW = (
    "The authors' file is executed as it is at that commit, with timm.layers under the name that "
    "it imports and without registration; its layers get their weights, gammas among them, from "
    "tests/golden/fill.py in the order of definition, in float64 and eval mode; the input is "
    "images(size, batch). Logits are the first ten of each image."
)


def load(text: str) -> Any:
    """The authors' module."""
    sys.modules["timm.models.layers"] = timm.layers
    timm.models.register_model = lambda function: function
    module = ModuleType("authors_rdnet")
    sys.modules[module.__name__] = module
    exec(text, module.__dict__)
    return module


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("repository", type=Path)
    repository = parser.parse_args().repository
    module, nets = load(read(repository, FILE)), {}
    for name, size in NETS.items():
        model = getattr(module, name)(pretrained=False)
        nets[name] = measure(model, layers_of(model), ours=name, args={}, size=size, batch=1)
    where = source("naver-ai/rdnet", repository, FILE)
    write("rdnet", source=where, made_by="tests/golden/record_rdnet.py", how=HOW, nets=nets)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
