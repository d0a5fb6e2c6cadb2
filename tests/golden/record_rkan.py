"""Golden logits of the authors' RKANet, from their Python files.

uv run python tests/golden/record_rkan.py PATH    a folder with the files of
withray/residualKAN that FILES names, each of its commit
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fill import layers_of
from record import measure, write
from torch import nn

FILES = {
    "residual_networks/RKAN_ResNet.py": "fe6310803836edbbcb2381bc195b8cbf010fb556",
    "KAN_Conv/KANConv.py": "a160c7b29591a8469d03e404701ae2896608c551",
    "KAN_Conv/chebyshevkan.py": "815a35785fd6f5b6b73b2d913a8082ae683908f9",
    "KAN_Conv/convolution.py": "66277a6e3a2ed8bb1a5620654319f6aefe71b942",
}
NETS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # the zoo's arguments, the authors'
    "plain": ({}, {}),
    "e": ({"places": (3, 4)}, {"mechanisms": [None, None, "addition", "addition"]}),
    "first": ({"places": (1,)}, {"mechanisms": ["addition", None, None, None]}),
    "2xl": ({"width_factor": 2}, {"inv_bottleneck": True, "inv_factor": 2}),
}
HOW = (
    "The authors' files at those commits, without what these networks do not use (other kinds of "
    "KANs and sums), on torchvision's ResNet-18; layers get their weights from "
    "tests/golden/fill.py in the order of definition, each branch after its stage, in float64 and "
    "eval mode; the KANs' are drawn N(0, 0.5 ** 2) from RandomState(seed): linear, scale, then "
    "degree by degree. The input is images(size, batch); logits are the first ten of each image."
)


def kans(model: Any) -> list[Any]:
    """The KAN convolutions in use, in the order of execution."""
    used = [i for i, mechanism in enumerate(model.mechanisms) if mechanism]
    chains = [[model.kan_conv1[i], *([model.kan_conv2[i]] if i == 3 else [])] for i in used]
    return [kan.convs[0].conv for chain in chains for kan in chain]


def draw(model: Any, seed: int) -> None:
    random = np.random.RandomState(seed)
    for kan in kans(model):
        linear, scale = (random.normal(0, 0.5, (1, 3, 3)) for _ in range(2))
        degrees = random.normal(0, 0.5, (kan.polynomial_degree + 1, 3, 3))
        for parameter, values in (
            (kan.base_linear.weight, linear.reshape(1, 9)),
            (kan.scaler, scale.reshape(1, 9)),
            (kan.polynomial_weight, degrees.reshape(1, -1, 9).transpose(0, 2, 1)),
        ):
            parameter.data.copy_(torch.from_numpy(np.ascontiguousarray(values)))


def in_order(model: Any) -> list[nn.Module]:
    """The layers in use, in the zoo's order."""
    net = model.resnet
    layers = [net.conv1, net.bn1]
    for i, mechanism in enumerate(model.mechanisms):
        layers += layers_of(getattr(net, f"layer{i + 1}"))
        if mechanism:
            layers += [model.conv_reduce[i], model.kan_bn[i]]
            layers += [model.conv_expand[i], model.kan_expand_bn[i]]
    return [*layers, net.fc]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    sys.path.insert(0, str(parser.parse_args().folder))
    from residual_networks.RKAN_ResNet import RKANet

    nets = {}
    for name, (ours, theirs) in NETS.items():
        model = RKANet(num_classes=10, version="resnet18", **theirs).double()
        draw(model, 0)
        args = {"depth": 18, "block": "basic", "num_classes": 10, **ours}
        facts: dict[str, Any] = {"ours": "rkanet50", "args": args, "size": 64, "batch": 2}
        nets[name] = measure(model, in_order(model), **facts)
        del nets[name]["params"]  # of modules that nothing uses
    where = [f"withray/residualKAN@{commit}:{path}" for path, commit in FILES.items()]
    write("rkan", source=where, made_by="tests/golden/record_rkan.py", how=HOW, nets=nets)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
