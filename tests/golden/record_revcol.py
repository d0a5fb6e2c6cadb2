"""Golden outputs, loss and gradients of the authors' RevCol, from their Python files.

uv run python tests/golden/record_revcol.py PATH    a clone (or bare repository) of
megvii-research/RevCol
"""

import re
import sys
import types
from pathlib import Path
from typing import Any

import timm.layers
import torch
from fill import drawn_by_name, images
from record import read, source, write

REPOSITORY, MODELS = "megvii-research/RevCol", "models/revcol.py"
SIZES = {"channels": [8, 12, 16, 24], "layers": [1, 2, 1, 1]}
PIXELS, TARGET, PROBES = 64, [2, 0], 10  # image sides, labels, numbers of each tensor
NETS: dict[str, dict[str, Any]] = {
    "plain": {"num_subnet": 3, "num_classes": 5, "inter_supv": False, "save_memory": False},
    "reversible": {"num_subnet": 3, "num_classes": 5, "inter_supv": False, "save_memory": True},
    "supervised": {"num_subnet": 8, "num_classes": 5, "inter_supv": True, "save_memory": False},
    "many classes": {
        "num_subnet": 4,
        "num_classes": 1001,
        "inter_supv": True,
        "save_memory": False,
    },
    "huge": {"num_subnet": 3, "num_classes": 5, "inter_supv": False, "save_memory": False},
}
SHOWN = r"stem.0.weight|alpha|dwconv.weight|(down|reschedule|normal_layers.0).0.*weight"
HOW = (
    "The authors' files are executed as they are at that commit, with empty modules for `imp` and "
    "torch.distributed's ranks and timm.layers under the name that they import, in float64 and "
    "training mode without stochastic depth. Every tensor is drawn by its name "
    "(tests/golden/fill.py: drawn_by_name); the input is images(64). `loss` is that of loss.py, "
    "with the images' sigmoid as the pixels, or the sum of the squares of the logits. `gradients` "
    "are the sums of absolute values of its gradients by some tensors; alphas of the first column, "
    "which multiply nothing, have none."
)


def load(repository: Path) -> dict[str, Any]:
    """Return the names of all the files that a network needs."""
    sys.modules["imp"] = types.ModuleType("imp")
    sys.modules["timm.models.layers"] = timm.layers
    sys.modules["models"] = types.ModuleType("models")
    scope: dict[str, Any] = {}
    for file in ("modules", "revcol_function", "revcol", "revcol_huge"):
        module = types.ModuleType(f"models.{file}")
        sys.modules[module.__name__] = module
        exec(read(repository, f"models/{file}.py"), module.__dict__)
        scope |= module.__dict__
    exec(read(repository, "loss.py"), scope)
    scope["FullNet"] = sys.modules["models.revcol"].__dict__["FullNet"]
    return scope


def loss_of(scope: dict[str, Any], logits: list[Any], drawn: Any, x: Any) -> Any:
    if not drawn:
        return logits[-1].square().sum()
    bce, ce = torch.nn.BCEWithLogitsLoss(), torch.nn.CrossEntropyLoss()
    weights, target, pixels = (3.0, 0.7), torch.tensor(TARGET), x.sigmoid()
    return scope["compound_loss"](weights, drawn, pixels, logits, target, bce, ce, 0)[0]


def measure(scope: dict[str, Any], name: str, args: dict[str, Any]) -> dict[str, Any]:
    maker = scope["RevColHuge" if name == "huge" else "FullNet"]
    sizes = {key: list(values) for key, values in SIZES.items()}  # the code turns one around
    model = maker(**sizes, **args).double().train()
    state = drawn_by_name({key: tuple(v.shape) for key, v in model.state_dict().items()})
    model.load_state_dict(state)
    x = images(PIXELS)
    logits, drawn = model(x)
    loss = loss_of(scope, logits, drawn, x)
    loss.backward()
    return {
        "args": args,
        "logits": [y[:, :PROBES].tolist() for y in logits],
        "pixels": [y.flatten()[:PROBES].tolist() for y in drawn or ()],
        "loss": loss.item(),
        "gradients": {
            key: p.grad.abs().sum().item()
            for key, p in model.named_parameters()
            if p.grad is not None and "subnet0.alpha" not in key and re.search(SHOWN, key)
        },
    }


def main(repository: Path) -> None:
    scope = load(repository)
    records = {name: measure(scope, name, args) for name, args in NETS.items()}
    shapes = {"sizes": SIZES, "pixels": PIXELS, "target": TARGET}
    where = source(REPOSITORY, repository, MODELS)
    made_by = "tests/golden/record_revcol.py"
    write("revcol", source=where, made_by=made_by, how=HOW, **shapes, networks=records)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
