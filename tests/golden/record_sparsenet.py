"""Golden logits of the authors' SparseNets and DenseNets, from their Torch code.

uv run python tests/golden/record_sparsenet.py PATH    a clone (or bare repository) of
Lyken17/SparseNet
"""

import sys
from pathlib import Path
from typing import Any

import torch
from fill import layers_of
from record import HOW, measure, read, source, write

REPOSITORY, FILE = "Lyken17/SparseNet", "src/pytorch/denselink.py"
GROWTH, DEPTH, CLASSES = [6, 4, 8], 28, 10
NETS = {  # fetch, bottlenecks
    "sparse": ("exp", False),
    "sparse_bc": ("exp", True),
    "dense": ("linear", False),
    "dense_bc": ("linear", True),
}


def main(repository: Path) -> None:
    scope: dict[str, Any] = {"__name__": "denselink"}
    exec(read(repository, FILE), scope)
    nets = {}
    for name, (fetch, deep) in NETS.items():
        model = scope["DenseNet"](
            growthRate=GROWTH[0],
            depth=DEPTH,
            reduction=0.5,
            nClasses=CLASSES,
            bottleneck=deep,
            grate_per_stage=GROWTH,
            fetch=fetch,
        )
        args = {"depth": DEPTH, "growth": GROWTH, "num_classes": CLASSES}
        args |= {"first": 1} if fetch == "exp" else {"links": "dense"}
        ours = "sparsenet_bc100_k24" if deep else "sparsenet40_k24"
        nets[name] = measure(model, layers_of(model), ours=ours, args=args, size=32, batch=2)
    made_by = "tests/golden/record_sparsenet.py"
    where = source(REPOSITORY, repository, FILE)
    write("sparsenet", source=where, made_by=made_by, how=HOW, nets=nets)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
