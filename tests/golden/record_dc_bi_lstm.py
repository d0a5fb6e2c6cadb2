"""Golden outputs of DC-Bi-LSTM, by the code of the authors of 1802.00889.

    uv run --no-project --python 3.11 --with tensorflow-cpu==2.15.1 \\
        python tests/golden/record_dc_bi_lstm.py NUSTM_DC_BILSTM_AT_a501478

Writes golden/dc_bi_lstm.json: logarithms of the classes' probabilities for four sentences, in
float64, and what the code prints of its parameters. The code is of Python 2 and TensorFlow 1: the
functions that make the network run as they are, on TensorFlow's names of version 1, with float64
for float32. Weights and vectors are sines that both sides make.
"""

import io
import json
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

OUT = Path(__file__).with_name("dc_bi_lstm.json")
WORDS, VECTOR, LAYERS, WIDTH, LAST, CLASSES = 11, 300, 3, 4, 5, 3
IDS = [[3, 1, 9, 4, 2, 7, 10], [5, 8, 6, 1, 0, 0, 0], [2, 0, 0, 0, 0, 0, 0], [0] * 7]
Array = NDArray[np.float64]


def wave(shape: tuple[int, ...], offset: int) -> Array:
    """Values of both signs."""
    places = np.arange(np.prod(shape))
    return np.sin(places * places % 1009 + offset).reshape(shape)


def vectors() -> Array:
    """Of words, (WORDS, VECTOR); that of no word is 0, as in the authors' files."""
    values = wave((WORDS, VECTOR), 3)
    values[0] = 0
    return values


def cell(layer: int, is_back: bool, c_in: int, width: int) -> tuple[Array, Array]:
    """Kernel (c_in + width, 4 * width) and bias of a direction, gates in TensorFlow's order."""
    kernel = 3 * wave((c_in + width, 4 * width), 10 * layer + is_back) / (c_in + width) ** 0.5
    return kernel, wave((4 * width,), 10 * layer + is_back + 5) / 2


def head() -> tuple[Array, Array]:
    """Weight (2 * LAST, CLASSES) and bias of the classifier."""
    return 2 * wave((2 * LAST, CLASSES), 1), wave((CLASSES,), 2)


class TensorFlow1:
    """TensorFlow's names of version 1, in float64."""

    def __init__(self, tf: Any) -> None:
        self.v1, self.float32 = tf.compat.v1, tf.float64
        self.contrib = SimpleNamespace(rnn=SimpleNamespace(LSTMCell=self.v1.nn.rnn_cell.LSTMCell))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.v1, name)

    def random_uniform(self, shape: Any, least: float, most: float) -> Any:
        return self.v1.random_uniform(shape, least, most, dtype=self.float32)


def functions(text: str, names: list[str], scope: dict[str, Any]) -> None:
    """Define functions of a file of Python 2 by their names."""
    for name in names:
        body = re.search(rf"^def {name}\(.*?(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
        assert body, name
        exec(compile(body[0].replace("\t", "    "), name, "exec"), scope)


def load(checkout: Path, tf: Any) -> dict[str, Any]:
    """Return the authors' functions and settings by name."""
    flags = {"embedding_dim": VECTOR, "n_hidden": LAST, "n_class": CLASSES, "scope": "RNN"}
    scope = {"tf": tf, "np": np, "FLAGS": SimpleNamespace(**flags, max_doc_len=len(IDS[0]))}
    layers = ["get_weight_varible", "getmask", "biLSTM_multigpu", "att_avg"]
    functions((checkout / "utils" / "tf_funcs.py").read_text("utf-8"), layers, scope)
    text = (checkout / "DC_BiLSTM.py").read_text("utf-8")
    functions(text, ["build_model", "print_model_info"], scope)
    exec(re.search(r"^dense_h=.*", text, re.MULTILINE)[0], scope)  # type: ignore[index]
    return scope


def value(name: str) -> Array:
    """Return the value of a variable of the authors' network."""
    if name.startswith("softmax"):
        return head()[name.startswith("softmax_b")]
    number = re.search(r"layer_(\d+|last)/", name)
    assert number
    layer = LAYERS if number[1] == "last" else int(number[1])
    width = LAST if layer == LAYERS else WIDTH
    return cell(layer, "/bw/" in name, VECTOR + 2 * WIDTH * layer, width)["bias" in name]


def record(checkout: Path) -> dict[str, Any]:
    import tensorflow  # type: ignore[import-untyped]

    tf = TensorFlow1(tensorflow)
    scope = load(checkout, tf)
    scope["FLAGS"].n_hidden = 100  # as in the file
    with redirect_stdout(io.StringIO()) as printed:
        scope["print_model_info"]()
    scope["FLAGS"].n_hidden, scope["dense_h"] = LAST, [WIDTH] * LAYERS
    with tensorflow.Graph().as_default(), tf.Session() as session:
        ids = tf.constant(IDS, dtype=tf.int32)
        lengths = tf.constant([sum(map(bool, row)) for row in IDS])
        table = tf.constant(vectors(), dtype=tf.float32)
        probabilities, _ = scope["build_model"](table, ids, lengths, 1.0, 1.0)
        for variable in tf.global_variables():
            variable.load(value(variable.name), session)
        outputs = session.run(tf.log(probabilities)).tolist()
    return {"printed": printed.getvalue().split("\n")[-3], "log_probabilities": outputs}


if __name__ == "__main__":
    OUT.write_text(json.dumps(record(Path(sys.argv[1])), indent=1) + "\n")
