"""Golden outputs of MLP, FCN and ResNet for series, by the code of their authors on Keras.

    KERAS_BACKEND=torch python -m tests.golden.record_tsc_baseline CHECKOUT_AT_e564771

Writes golden/tsc_baseline.json: for each network the logarithms of the classes' probabilities for
two series, in float32. The code is of Keras 1; what Keras 3 names otherwise is translated here.
Weights and series are sines that both sides make, layer by layer as they are constructed.
"""

import json
import sys
import textwrap
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

OUT = Path(__file__).with_name("tsc_baseline.json")
SERIES, STEPS, CLASSES = 2, 11, 3
Array = NDArray[np.float64]


def wave(shape: tuple[int, ...], offset: int) -> Array:
    """Values of both signs."""
    places = np.arange(np.prod(shape))
    return np.sin(places * places % 1009 + offset).reshape(shape)


def series() -> Array:
    """The input, (SERIES, STEPS)."""
    return 2 * wave((SERIES, STEPS), 1) + 0.5


def kernel(shape: tuple[int, ...], offset: int) -> Array:
    """Weights (out, in, ...), whose sums keep the size of what comes in."""
    return 2 * wave(shape, offset) / np.sqrt(np.prod(shape[1:]))


def statistics(width: int, offset: int) -> list[Array]:
    """Gamma, beta, mean and variance of a BatchNorm."""
    gamma, beta, mean, variance = (wave((width,), offset + i) for i in range(4))
    return [1 + gamma / 2, beta / 3, mean / 4, 1 + variance / 2]


def fill(network: nn.Module) -> nn.Module:
    """Give a network of ours its weights."""
    kinds = nn.Conv1d | nn.BatchNorm1d | nn.Linear
    layers: list[Any] = [layer for layer in network.modules() if isinstance(layer, kinds)]
    for offset, layer in enumerate(layers):
        if isinstance(layer, nn.BatchNorm1d):
            names = ("weight", "bias", "running_mean", "running_var")
            values = zip(names, statistics(layer.num_features, offset), strict=True)
        else:
            shape = tuple(layer.weight.shape)
            pair = (kernel(shape, offset), wave(shape[:1], offset) / 3)
            values = zip(("weight", "bias"), pair, strict=True)
        for name, value in values:
            getattr(layer, name).data = torch.from_numpy(value)
    return network.double().eval()


class Keras1:
    """Names of Keras 1 that the authors' code uses; `made` has its layers with weights."""

    def __init__(self, keras: Any) -> None:
        self.keras, self.made = keras, []
        layers = keras.layers
        self.names = {
            "Input": lambda shape: layers.Input(tuple(shape)),
            "Activation": layers.Activation,
            "Dropout": layers.Dropout,
            "Dense": partial(self.make, layers.Dense),
            "Conv2D": self.conv,
            "merge": lambda tensors, mode: layers.add(tensors),
            "normalization": SimpleNamespace(
                BatchNormalization=partial(self.make, layers.BatchNormalization)
            ),
            "pooling": SimpleNamespace(GlobalAveragePooling2D=layers.GlobalAveragePooling2D),
        }

    def make(self, kind: Any, *args: Any, **kwargs: Any) -> Any:
        self.made.append(kind(*args, **kwargs))
        return self.made[-1]

    def conv(self, filters: int, rows: int, columns: int, border_mode: str) -> Any:
        return self.make(self.keras.layers.Conv2D, filters, (rows, columns), padding=border_mode)

    def fill(self) -> None:
        for offset, layer in enumerate(self.made):
            shape = tuple(layer.weights[0].shape)
            if len(shape) == 1:
                layer.set_weights(statistics(shape[0], offset))
                continue
            ours = (shape[-1], shape[-2], *shape[:-3]) if len(shape) == 4 else shape[::-1]
            weights = kernel(ours, offset).T.reshape(shape)
            layer.set_weights([weights, wave(shape[-1:], offset) / 3])


def between(text: str, start: str, end: str) -> str:
    """The lines from the first that has `start` to the last before `end`, without indentation or
    comments."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    first = next(i for i, line in enumerate(lines) if start in line)
    last = next(i for i, line in enumerate(lines) if i > first and end in line)
    return textwrap.dedent("\n".join(lines[first:last]))


def record(checkout: Path) -> dict[str, list[list[float]]]:
    """Return {network: log-probabilities of the classes for each series}."""
    import keras

    code = {name: (checkout / f"{name}.py").read_text("utf-8") for name in ("MLP", "FCN", "ResNet")}
    networks = {name: between(code[name], "Input(x_train", "Model(") for name in ("MLP", "FCN")}
    networks["ResNet"] = (
        between(code["ResNet"], "def build_resnet", "def readucr")
        + f"\nx, out = build_resnet(x_train.shape[1:], 64, {CLASSES})"
    )
    outputs = {}
    for name, text in networks.items():
        old, x = Keras1(keras), series()
        image = x if name == "MLP" else x[..., None, None]
        scope = {**old.names, "x_train": image, "nb_classes": CLASSES}
        scope["keras"] = SimpleNamespace(layers=SimpleNamespace(**old.names))
        exec(text, scope)
        old.fill()
        model = keras.Model(scope["x"], scope["out"])
        outputs[name] = np.log(model.predict(image, verbose=0)).tolist()
    return outputs


if __name__ == "__main__":
    OUT.write_text(json.dumps(record(Path(sys.argv[1])), indent=1) + "\n")
