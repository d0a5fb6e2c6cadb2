"""Golden logits of the authors' residual adapters, from their PyTorch file.

uv run python tests/golden/record_residual_adapters.py PATH    a clone (or bare repository) of
srebuffi/residual_adapters
"""

import argparse
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from fill import layers_of
from record import measure, read, source, write

FILE, SETTINGS = "models.py", "config_task.py"
KINDS = {"none": "normal", "series": "series_adapters", "parallel": "parallel_adapters"}
CLASSES = [11, 7]  # of two domains
SHOWN = ("pre_layers_conv.", "layer1.0.", "end_bns.", "linears.")  # keys in the record
HOW = (
    "The authors' file is executed as it is at that commit, with the mode, the domain and no "
    "dropout set in config_task; its layers get their weights from tests/golden/fill.py in the "
    "order of definition, in float64 and eval mode; the input is images(size, batch). Logits are "
    "the first ten of each image; `domain` is the one that is used."
)


def load(repository: Path) -> tuple[Any, Any]:
    """The authors' modules: networks and settings."""
    modules = []
    for path in (SETTINGS, FILE):
        module = ModuleType(Path(path).stem)
        sys.modules[module.__name__] = module
        exec(read(repository, path), module.__dict__)
        modules.append(module)
    settings, models = modules
    settings.__dict__.update(isdropout1=False, isdropout2=False)
    return models, settings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("repository", type=Path)
    repository = parser.parse_args().repository
    models, settings = load(repository)
    nets, switched = {}, {}
    for kind, mode in KINDS.items():
        settings.mode, settings.task = mode, 0
        name = "resadapt26" if kind == "none" else f"resadapt26_{kind}"
        model = models.resnet26([1000])
        size: dict[str, int] = {"size": 32, "batch": 2}
        nets[kind] = measure(model, layers_of(model), ours=name, args={}, **size)
        settings.task, model = 1, models.resnet26(CLASSES)
        args = {"num_classes": CLASSES[0], "domains": CLASSES[1:]}
        record = measure(model, layers_of(model), ours=name, args=args, **size)
        keys = [key for key in model.state_dict() if key.startswith(SHOWN)]
        switched[kind] = record | {"domain": 1, "keys": keys}
    where = [source("srebuffi/residual_adapters", repository, path) for path in (FILE, SETTINGS)]
    made_by = "tests/golden/record_residual_adapters.py"
    facts = {"nets": nets, "switched": switched}
    write("residual_adapters", source=where, made_by=made_by, how=HOW, **facts)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
