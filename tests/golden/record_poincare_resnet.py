"""Golden outputs of hypll's layers, and of the Poincare ResNet that they make.

uv run --with hypll==0.1.1 python tests/golden/record_poincare_resnet.py

hypll is a library of the paper's authors. Its layers take and give points; recorded are tangent
vectors at 0. The BatchNorms see one batch, in training.
"""

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

OUT = Path(__file__).with_name("poincare_resnet.json")
C = 0.1
DEPTH, WIDTH, SIDE, CLASSES = 20, 4, 16, 10
KEPT = 24  # numbers of each output


def draw(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Weights of our names and shapes, float64, one stream over the names in order."""
    random = np.random.RandomState(0)
    state = {}
    for name in sorted(shapes):
        shape = tuple(shapes[name])
        if len(shape) > 1:
            values = random.normal(0, 0.7 * np.prod(shape[1:]) ** -0.5, shape)
        else:
            values = random.uniform(-0.3, 0.3, shape) if shape else random.uniform(0.5, 1.5)
        state[name] = torch.as_tensor(values, dtype=torch.float64)
    return state


def images(channels: int, side: int = SIDE, batch: int = 3) -> Tensor:
    """(batch, channels, side, side) of N(0, 1), float64."""
    drawn = np.random.RandomState(1).standard_normal((batch, channels, side, side))
    return torch.from_numpy(drawn)


def sample(output: Tensor) -> list[float]:
    """Numbers from all over an output."""
    flat = output.detach().flatten()
    picked: list[float] = flat[:: max(1, len(flat) // KEPT)][:KEPT].tolist()
    return picked


class Recorder:
    """hypll's layers with our weights, on tangent vectors."""

    def __init__(self) -> None:
        from hypll import nn as hnn
        from hypll.manifolds.poincare_ball import Curvature, PoincareBall

        curvature = Curvature(C, constraining_strategy=lambda value: value).double()
        curvature.value.data.fill_(C)
        self.hnn, self.ball = hnn, PoincareBall(curvature)

    def point(self, tangent: Tensor) -> Any:
        """exp0, along axis 1."""
        from hypll.tensors import TangentTensor

        return self.ball.expmap(TangentTensor(tangent, manifold=self.ball, man_dim=1))

    def tangent(self, point: Any) -> Tensor:
        """log0."""
        tangent: Tensor = self.ball.logmap(None, point).tensor
        return tangent

    def run(self, layer: nn.Module, x: Tensor, **weights: Tensor) -> Tensor:
        """A layer with these weights, tangent vectors to tangent vectors."""
        with torch.no_grad():
            for name, value in weights.items():
                getattr(getattr(layer, name), "tensor", getattr(layer, name)).data = value
        return self.tangent(layer(self.point(x)))

    def conv(self, x: Tensor, weight: Tensor, bias: Tensor, stride: int = 1) -> Tensor:
        c_out, c_in, kernel, _ = weight.shape
        layer = self.hnn.HConvolution2d(
            c_in, c_out, kernel, self.ball, stride=stride, padding=kernel // 2
        )
        return self.run(layer, x, weights=weight.flatten(1).mT, bias=bias)

    def linear(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return self.run(self.hnn.HLinear(*weight.shape[::-1], self.ball), x, z=weight.mT, bias=bias)

    def norm(self, x: Tensor, bias: Tensor, weight: Tensor) -> Tensor:
        layer = self.hnn.HBatchNorm2d(len(bias), self.ball, use_midpoint=True)
        with torch.no_grad():
            layer.norm.bias.data, layer.norm.weight.data = bias, weight
        return self.tangent(layer(self.point(x)))

    def skip(self, x: Tensor, y: Tensor) -> Tensor:
        return self.tangent(self.ball.mobius_add(self.point(x), self.point(y)))

    def network(self, state: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """The network of the paper's Fig. 1, with the average of tangent vectors."""

        def part(prefix: str) -> dict[str, Tensor]:
            return {k.rpartition(".")[2]: v for k, v in state.items() if k.startswith(prefix + ".")}

        x = self.norm(self.conv(x, **part("conv1")), **part("bn1")).relu()
        for stage in (1, 2, 3):
            for unit in range((DEPTH - 2) // 6):
                name, stride = f"layer{stage}.{unit}", 2 if stage > 1 and not unit else 1
                y = self.conv(x, **part(f"{name}.conv1"), stride=stride)
                y = self.norm(y, **part(f"{name}.bn1")).relu()
                y = self.norm(self.conv(y, **part(f"{name}.conv2")), **part(f"{name}.bn2"))
                projection = part(f"{name}.downsample")
                x = self.conv(x, **projection, stride=stride) if projection else x
                x = self.skip(y, x).relu()
        return self.linear(x.mean((2, 3)), **part("fc"))


def main() -> None:
    from zoo.models.poincare_resnet.model import PoincareResNet

    recorder = Recorder()
    model = PoincareResNet(depth=DEPTH, width=WIDTH, num_classes=CLASSES)
    state = draw({name: tuple(p.shape) for name, p in model.named_parameters()})
    x = images(WIDTH)
    unit = {name.rpartition("layer2.0.")[2]: v for name, v in state.items() if "layer2.0" in name}

    def of(name: str) -> dict[str, Tensor]:
        return {key: unit[f"{name}.{key}"] for key in ("weight", "bias")}

    outputs = {
        "conv": recorder.conv(x, **of("conv1"), stride=2),
        "projection": recorder.conv(x, **of("downsample"), stride=2),
        "norm": recorder.norm(images(2 * WIDTH), **of("bn1")),
        "skip": recorder.skip(x, x.flip(0)),
        "network": recorder.network(state, images(3)),
    }
    record = {
        "source": f"hypll {version('hypll')}",
        "made_by": "tests/golden/record_poincare_resnet.py",
        **{name: sample(output) for name, output in outputs.items()},
    }
    OUT.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
