"""Golden logits of the authors' Transformer, ResFormer and SVFormer, from their Python files.

uv run --with transformers==4.44.2 python tests/golden/record_value_residual.py PATH
                       a clone (or bare repository) of Zcchill/Value-Residual-Learning
"""

import argparse
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from fill import drawn_by_name
from record import read, source, write
from transformers import LlamaConfig

FILES = {"transformer": "baseline", "resformer": "resformer", "svformer": "svformer"}
SIZES = {
    "num_hidden_layers": 4,
    "hidden_size": 64,
    "num_attention_heads": 4,
    "intermediate_size": 112,
    "vocab_size": 97,
    "max_position_embeddings": 64,
}
HOW = (
    "The authors' files are executed as they are at that commit, with eager attention and "
    "rms_norm_eps 1e-5 as in their scripts, in float64; the norms, the softmax and the rotary "
    "tables of their code are in float32. Every tensor is drawn by its name (tests/golden/fill.py: "
    "drawn_by_name). Logits are those of the tokens 7 and 19 of two texts of 20 tokens, "
    "(37 i^2 + 11 i + 5 row) mod 97. `cached` are the numbers that their cache holds of one token."
)


def ids() -> torch.Tensor:
    i, row = torch.arange(20), torch.arange(2)[:, None]
    return (37 * i**2 + 11 * i + 5 * row) % 97


def measure(name: str, repository: Path) -> dict[str, Any]:
    module = ModuleType(f"modeling_llama_{name}")
    exec(read(repository, f"src/modeling/modeling_llama_{FILES[name]}.py"), module.__dict__)
    config = LlamaConfig(**SIZES, rms_norm_eps=1e-5, attn_implementation="eager")
    model: Any = module.LlamaForCausalLM(config).double().eval()
    state = drawn_by_name({k: tuple(v.shape) for k, v in model.state_dict().items()})
    model.load_state_dict(state, strict=True)
    with torch.no_grad():
        found = model(ids(), use_cache=True)
        cache = found.past_key_values
    held = sum(tensor.numel() for layer in cache for tensor in layer)
    shapes = {key: list(value.shape) for key, value in state.items()}
    logits = found.logits[:, [7, 19]].tolist()
    return {"args": SIZES, "shapes": shapes, "logits": logits, "cached": held // ids().numel()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("repository", type=Path)
    repository = parser.parse_args().repository
    nets = {name: measure(name, repository) for name in FILES}
    where = source("Zcchill/Value-Residual-Learning", repository, "src/modeling")
    made_by = "tests/golden/record_value_residual.py"
    write("value_residual", source=where, made_by=made_by, how=HOW, nets=nets)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
