"""Golden logits and gradients of ODE-Net and its ResNet, by the script of their authors.

    python -m tests.golden.record_neural_ode CHECKOUT_OF_rtqichen/torchdiffeq COMMIT

Writes golden/neural_ode.json, in float64, solved by the installed torchdiffeq. Weights and images
are those of tests/golden/fill.py.
"""

import importlib.util
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from torch import nn

from tests.golden.fill import fill, images

OUT = Path(__file__).with_name("neural_ode.json")
SIDE = 12  # pixels of the images: maps of 2x2 or 3x3 between stem and head
# Name -> the script's options.
CASES = {
    "odenet_mnist_conv": ["--adjoint", "True"],
    "odenet_mnist_res": ["--adjoint", "True", "--tol", "1e-4", "--downsampling-method", "res"],
    "rknet_mnist_conv": ["--tol", "1e-5"],
    "rknet_mnist_res": ["--downsampling-method", "res"],
    "resnet_mnist6_conv": ["--network", "resnet"],
    "resnet_mnist6_res": ["--network", "resnet", "--downsampling-method", "res"],
}


def filled(network: nn.Module) -> Any:
    """Draw the weights of a network, in float64."""
    fill(m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear | nn.GroupNorm))
    return network


def outcome(network: nn.Module) -> dict[str, Any]:
    """Return the logits, and the sums of the gradients of their squares, by parameter."""
    logits = network(images(SIDE, channels=1))
    logits.square().sum().backward()
    sums = [p.grad.abs().sum().item() for p in network.parameters() if p.grad is not None]
    return {"logits": logits.tolist(), "gradients": sums}


def authors_network(checkout: Path, options: list[str]) -> nn.Module:
    """Return the network that the script builds, from its own classes, as its main part does."""
    script = checkout / "examples" / "odenet_mnist.py"
    sys.argv = [str(script), *options]
    spec = importlib.util.spec_from_file_location("authors", script)
    assert spec
    assert spec.loader
    a: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(a)
    layers = [nn.Conv2d(1, 64, 3, 1)]
    if a.args.downsampling_method == "res":
        layers += [a.ResBlock(64, 64, 2, a.conv1x1(64, 64, 2)) for _ in range(2)]
    else:
        for _ in range(2):
            layers += [a.norm(64), nn.ReLU(inplace=True), nn.Conv2d(64, 64, 4, 2, 1)]
    is_resnet = a.args.network == "resnet"
    layers += [a.ResBlock(64, 64) for _ in range(6)] if is_resnet else [a.ODEBlock(a.ODEfunc(64))]
    pool = nn.AdaptiveAvgPool2d((1, 1))
    return nn.Sequential(
        *layers, a.norm(64), nn.ReLU(inplace=True), pool, a.Flatten(), nn.Linear(64, 10)
    )


def record(checkout: Path) -> dict[str, Any]:
    """Return {name: parameters, keys, logits and gradients}."""
    cases = {}
    for name, options in CASES.items():
        network = filled(authors_network(checkout, options))
        shapes = {key: list(value.shape) for key, value in network.state_dict().items()}
        cases[name] = {"shapes": shapes, **outcome(network)}
    return cases


if __name__ == "__main__":
    folder, commit = sys.argv[1:]
    source = f"rtqichen/torchdiffeq@{commit}:examples/odenet_mnist.py"
    solver = f"torchdiffeq {version('torchdiffeq')}"
    content = {"source": source, "solver": solver, "models": record(Path(folder))}
    OUT.write_text(json.dumps(content, indent=1) + "\n")
