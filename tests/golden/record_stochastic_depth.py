"""Golden logits of the PyTorch code that the README of 1603.09382's code sends one to.

uv run python tests/golden/record_stochastic_depth.py PATH

PATH is a clone (or bare repository) of felixgwu/img_classification_pk_pytorch. Besides the logits
in eval mode there are some of training, BatchNorm left in eval mode, with the blocks that survived.
"""

import sys
from pathlib import Path
from typing import Any

import torch
from fill import images, layers_of
from record import HOW, measure, read, source, write
from torch import nn

REPOSITORY, FILE = "felixgwu/img_classification_pk_pytorch", "models/resnet.py"
SEEDS = range(3)


def in_training(model: Any, seed: int) -> dict[str, Any]:
    """Logits of a step, and which blocks it had: they draw one number each, in their order."""
    for module in model.train().modules():
        module.train(not isinstance(module, nn.BatchNorm2d))
    rates = [block.death_rate for block in model.modules() if hasattr(block, "death_rate")]
    torch.manual_seed(seed)
    survived = [bool(torch.rand(1)[0] >= rate) for rate in rates]
    torch.manual_seed(seed)
    with torch.no_grad():
        return {"survived": survived, "logits": model(images(32)).tolist()}


def main(repository: Path) -> None:
    scope: dict[str, Any] = {}
    exec(read(repository, FILE), scope)
    records = {}
    for depth, mode in ((20, "linear"), (20, "uniform"), (110, "linear")):
        model = scope["createModel"](depth, "cifar10", 10, death_mode=mode, death_rate=0.5)
        args = {"depth": depth, "rule": mode, "drop_path_rate": 0.5}
        record = measure(model, layers_of(model), ours="sd_resnet110", args=args, size=32, batch=2)
        record["training"] = [in_training(model, seed) for seed in SEEDS]
        records[f"{depth}_{mode}"] = record
    made_by = "tests/golden/record_stochastic_depth.py"
    write(
        "stochastic_depth",
        source=source(REPOSITORY, repository, FILE),
        made_by=made_by,
        how=HOW,
        nets=records,
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
