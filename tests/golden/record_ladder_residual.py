"""Golden logits of the authors' Ladder Transformer, from their Hugging Face file.

uv run --with transformers==4.48.3 python tests/golden/record_ladder_residual.py PATH
                       a clone (or bare repository) of mayank31398/ladder-residual-inference
"""

import argparse
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from fill import drawn_by_name
from record import read, source, write

FOLDER, PACKAGE = "hf_modeling_utils", "hf_modeling_utils"
SIZES = {
    "num_hidden_layers": 4,
    "hidden_size": 32,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "vocab_size": 53,
    "max_position_embeddings": 32,
}
NETS: dict[str, dict[str, Any]] = {
    "all": {"ladder_layers": 4},
    "last 2": {"ladder_layers": 2},
    "none": {"ladder_layers": None},
    "grouped": {  # the positions of configs/Llama-3.1-8B-Instruct-Ladder-last16L.json
        "ladder_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "rope_theta": 500000.0,
        "rope_scaling": {
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192,
            "rope_type": "llama3",
        },
    },
}
HOW = (
    "The authors' file is executed as it is at that commit, with eager attention and rms_norm_eps "
    "1e-5, in float64; the norms, the softmax and the rotary tables of their code are in float32. "
    "Only 'grouped' has fewer heads of keys than of queries. Every tensor is drawn by its name "
    "(fill.py: drawn_by_name). Logits are those of the tokens 3 and 11 of two texts of 12 tokens, "
    "(37 i^2 + 11 i + 5 row) mod 53."
)


def ids() -> torch.Tensor:
    i, row = torch.arange(12), torch.arange(2)[:, None]
    return (37 * i**2 + 11 * i + 5 * row) % 53


def load(repository: Path, name: str) -> ModuleType:
    """Execute one of the authors' files as a module of a package."""
    module = ModuleType(f"{PACKAGE}.{name}")
    module.__package__ = PACKAGE
    sys.modules.setdefault(PACKAGE, ModuleType(PACKAGE))
    sys.modules[module.__name__] = module
    exec(read(repository, f"{FOLDER}/{name}.py"), module.__dict__)
    return module


def measure(changes: dict[str, Any], repository: Path) -> dict[str, Any]:
    configuration = load(repository, "configuration_llama_ladder")
    network = load(repository, "modeling_llama_ladder")
    config = configuration.LlamaLadderConfig(
        rms_norm_eps=1e-5, attn_implementation="eager", **{**SIZES, **changes}
    )
    model: Any = network.LlamaLadderForCausalLM(config).double().eval()
    state = drawn_by_name({k: tuple(v.shape) for k, v in model.state_dict().items()})
    model.load_state_dict(state, strict=True)
    with torch.no_grad():
        logits = model(ids()).logits[:, [3, 11]].tolist()
    shapes = {key: list(value.shape) for key, value in state.items()}
    return {"ladder_layers": changes["ladder_layers"] or 0, "shapes": shapes, "logits": logits}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("repository", type=Path)
    repository = parser.parse_args().repository
    nets = {name: measure(changes, repository) for name, changes in NETS.items()}
    where = source("mayank31398/ladder-residual-inference", repository, FOLDER)
    made_by = "tests/golden/record_ladder_residual.py"
    write("ladder_residual", source=where, made_by=made_by, how=HOW, nets=nets)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
