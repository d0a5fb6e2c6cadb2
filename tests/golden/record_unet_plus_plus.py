"""Golden masks of U-Net and UNet++, by the code of the authors of 1807.10165 on Keras.

    KERAS_BACKEND=torch python -m tests.golden.record_unet_plus_plus CHECKOUT_AT_2659ddc

Writes golden/unet_plus_plus.json: probabilities of every head, in float64, at some of the pixels of
one image. Widths are an eighth of the authors'; weights and image are sines that both sides make,
by the names of the layers. The code joins channels with the upsampled ones first, Eq. 1 last.
"""

import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn

from tests.golden.record_tsc_baseline import Array, wave

OUT = Path(__file__).with_name("unet_plus_plus.json")
WIDTH, CLASSES, ROWS, COLUMNS = 4, 2, 16, 32
SOME = (slice(None, None, 5), slice(None, None, 7))  # rows and columns of the pixels
FUNCTIONS = {"unet": "U_Net", "unetplusplus_ds": "UNetPlusPlus"}
Shape = tuple[int, ...]


def picture() -> Array:
    """The image, (ROWS, COLUMNS)."""
    return wave((ROWS, COLUMNS), 3)


def weights(name: str, shape: Shape) -> tuple[Array, Array]:
    """Kernel and bias of a layer, by the authors' name for it: (out, in, height, width), (out,)."""
    offset = sum(map(ord, name)) + len(name)
    return 2.5 * wave(shape, offset) / np.sqrt(np.prod(shape[1:])), wave(shape[:1], offset) / 4


def authors_name(key: str, heads: int) -> str:
    """What the authors call a layer of ours: units.0_1.3 is conv12_2."""
    part, place, *index = key.split(".")
    if part == "heads":
        return f"output_{place}" if heads > 1 else "output"
    row, column = (int(n) + 1 for n in place.split("_"))
    return f"up{row}{column}" if part == "ups" else f"conv{row}{column}_{1 + int(index[0]) // 3}"


def fill(network: Any) -> nn.Module:
    """Give a network of ours its weights."""
    for key, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            turned = isinstance(layer, nn.ConvTranspose2d)
            shape = tuple(layer.weight.transpose(0, 1).shape if turned else layer.weight.shape)
            name = authors_name(key, len(network.heads))
            kernel, bias = map(torch.from_numpy, weights(name, shape))
            layer.weight.data = kernel.transpose(0, 1) if turned else kernel
            assert layer.bias is not None
            layer.bias.data = bias
    return network.double().eval()


def fill_keras(layer: Any) -> None:
    """Give a layer of the authors' its weights: (height, width, in, out), or out before in."""
    shape = layer.weights[0].shape
    turned = layer.name.startswith("up")
    c_in, c_out = (shape[3], shape[2]) if turned else shape[2:]
    kernel, bias = weights(layer.name, (c_out, c_in, *shape[:2]))
    if c_in > c_out and re.fullmatch(r"conv\d[2-5]_1", layer.name):
        kernel = np.roll(kernel, c_out, 1)
    layer.set_weights([kernel.transpose(2, 3, *((0, 1) if turned else (1, 0))), bias])


def record(checkout: Path) -> dict[str, list[Any]]:
    """Return {network: probabilities of each head at some pixels, (CLASSES, ...)}."""
    import keras

    keras.config.set_floatx("float64")
    text = (checkout / "keras" / "helper_functions.py").read_text("utf-8")
    code = text[text.index("def standard_unit") : text.index("if __name__")]
    widths = str([WIDTH * 2**i for i in range(5)]).replace(" ", "")
    layers = keras.layers
    scope: dict[str, Any] = {
        "K": SimpleNamespace(image_dim_ordering=lambda: "tf"),
        "Model": lambda **ends: keras.Model(ends["input"], ends["output"]),
        "act": "relu",
        "dropout_rate": 0.5,
        "l2": keras.regularizers.L2,
        **{name: getattr(layers, name) for name in dir(layers)},
    }
    exec(code.replace("[32,64,128,256,512]", widths), scope)
    outputs = {}
    for name, function in FUNCTIONS.items():
        options = {"deep_supervision": True} if name.endswith("ds") else {}
        model = scope[function](ROWS, COLUMNS, 1, CLASSES, **options)
        for layer in model.layers:
            if layer.weights:
                fill_keras(layer)
        masks = model.predict(picture()[None, ..., None], verbose=0)
        heads = masks if isinstance(masks, list) else [masks]
        outputs[name] = [mask[0][SOME].transpose(2, 0, 1).tolist() for mask in heads]
    return outputs


if __name__ == "__main__":
    OUT.write_text(json.dumps(record(Path(sys.argv[1])), indent=1) + "\n")
