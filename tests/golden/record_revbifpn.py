"""Golden logits, loss and gradients of the authors' RevBiFPN-S0, from their Python files.

uv run python tests/golden/record_revbifpn.py PATH    a clone (or bare repository) of
CerebrasResearch/RevBiFPN
"""

import re
import sys
import types
from pathlib import Path
from typing import Any

import torch
from fill import fill, images, layers_of
from record import HOW, measure, read, source, write

REPOSITORY, FILE = "CerebrasResearch/RevBiFPN", "revbifpn.py"
PACKAGE = "rev_structs.revstructs"
FILES = "rev_op rev_silo rev_block rev_spatial_downsample rev_tensor_ops recomp_op rev_container"
PIXELS, TARGET = 64, [2, 0]
ARGS: dict[str, Any] = {"num_ext_layers": 1, "classes": 10}
SHOWN = r"(xform_0_1|xform_1_2|transform_[13]|heads.2)\.(0\.)?(dw|project)_conv.conv.weight|fc"
TRAINING = (
    " `training` is the cross entropy in training mode without dropout, its gradients recomputed "
    "by the authors' reversible code, as sums of absolute values by tensor."
)


def load(repository: Path) -> dict[str, Any]:
    """Return the names of revbifpn.py, with the package that it imports."""
    for name in ("rev_structs", PACKAGE):
        sys.modules[name] = types.ModuleType(name)
    for file in FILES.split():
        module = types.ModuleType(f"{PACKAGE}.{file}")
        module.__package__ = PACKAGE
        sys.modules[module.__name__] = module
        exec(read(repository, f"rev_structs/revstructs/{file}.py"), module.__dict__)
        sys.modules[PACKAGE].__dict__.update(module.__dict__)
    scope: dict[str, Any] = {"__name__": "revbifpn", "__file__": FILE}
    exec(read(repository, FILE), scope)
    return scope


def train(model: Any) -> dict[str, Any]:
    """Return the loss and sums of the gradients."""
    fill(layers_of(model))
    loss = torch.nn.functional.cross_entropy(model.train()(images(PIXELS)), torch.tensor(TARGET))
    loss.backward()
    sums = {
        key: parameter.grad.abs().sum().item()
        for key, parameter in model.named_parameters()
        if re.search(SHOWN, key)
    }
    return {"pixels": PIXELS, "target": TARGET, "loss": loss.item(), "gradients": sums}


def main(repository: Path) -> None:
    make = load(repository)["revbifpn_s0"]
    model = make(**ARGS, disable_rev=True, disable_recomp=True)
    args = {"fusions": ARGS["num_ext_layers"], "num_classes": ARGS["classes"]}
    layers = layers_of(model)
    nets = {"s0": measure(model, layers, ours="revbifpn_s0", args=args, size=PIXELS, batch=2)}
    training = train(make(**ARGS, head_dropout=0.0))
    made_by = "tests/golden/record_revbifpn.py"
    where = source(REPOSITORY, repository, FILE)
    how = HOW + TRAINING
    write("revbifpn", source=where, made_by=made_by, how=how, nets=nets, training=training)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
