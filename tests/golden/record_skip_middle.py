"""Golden logits and gates of the authors' Transformer that skips its middle layers.

uv run --with simple-parsing python tests/golden/record_skip_middle.py PATH
                                    a clone (or bare repository) of tim-lawson/skip-middle
"""

import argparse
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from fill import drawn_by_name
from record import source, write

SIZES = {"dim": 32, "n_heads": 2, "vocab_size": 53, "max_seq_len": 12}
LAYERS = {"gated": 4, "shorter": 2}
HOW = (
    "The authors' files are executed as they are at that commit, in float64 (Tensor.float is "
    "Tensor.double in the forward pass; the rotary tables are float32). Every tensor is drawn by "
    "its name (tests/golden/fill.py: drawn_by_name) and the weights of the gates are halved. "
    "Logits are those of the tokens 7 and 11 of two texts of 12 tokens, (37 i^2 + 11 i + 5 row) "
    "mod 53, whose gates are all there, by layer. `leak` is the largest change of the logits "
    "before the last token, when that is another one: as in training (false), and of one text as "
    "their Hub model is called (true)."
)


def ids() -> torch.Tensor:
    i, row = torch.arange(12), torch.arange(2)[:, None]
    return (37 * i**2 + 11 * i + 5 * row) % 53


def leak(model: Any, *, inference: bool) -> float:
    """Largest change of logits by a later token."""
    text = ids()[:1]
    changed = text.clone()
    changed[:, -1] += 1
    before, after = (model(x, inference=inference)[0] for x in (text, changed))
    return float((after - before)[:, :-1].abs().max())


def measure(transformer: Any, config: Any, layers: int) -> dict[str, Any]:
    model: Any = transformer(config(**SIZES, n_layers=layers), device="cpu").double().eval()
    state = drawn_by_name({k: tuple(v.shape) for k, v in model.state_dict().items()})
    for key in state:
        state[key] *= 0.5 if key.startswith("masks.") else 1
    model.load_state_dict(state)
    single, torch.Tensor.float = torch.Tensor.float, torch.Tensor.double  # type: ignore[method-assign]
    with torch.no_grad():
        logits, data = model(ids())
        leaks = {str(called).lower(): leak(model, inference=called) for called in (False, True)}
    torch.Tensor.float = single  # type: ignore[method-assign]
    return {
        "args": {"layers": layers},
        "shapes": {key: list(value.shape) for key, value in state.items()},
        "logits": logits[:, [7, 11]].tolist(),
        "gates": data.gates.tolist(),
        "leak": leaks,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("repository", type=Path)
    repository = parser.parse_args().repository
    with TemporaryDirectory() as folder:
        archive = ["git", "-C", str(repository), "archive", "HEAD"]
        files = subprocess.run(archive, check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x", "-C", folder], check=True, input=files)
        sys.path.insert(0, folder)
        from projects.skip_middle.model.config import ModelConfig
        from projects.skip_middle.model.model import Transformer

        nets = {name: measure(Transformer, ModelConfig, n) for name, n in LAYERS.items()}
    where = source("tim-lawson/skip-middle", repository, "projects/skip_middle/model")
    made_by = "tests/golden/record_skip_middle.py"
    write("skip_middle", source=where, made_by=made_by, how=HOW, nets=nets)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
