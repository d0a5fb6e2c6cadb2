"""Golden logits of the authors' MUDDFormer and MUDDPythia, from their Python files.

uv run --with transformers --with einops python tests/golden/record_mudd.py PATH
                                 a clone (or bare repository) of Caiyun-AI/MUDDFormer
"""

import argparse
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from fill import drawn_by_name
from record import read, source, write

NETS = {
    "muddformer": {"n_layer": 4, "n_head": 4, "dim": 64, "intermediate_size": 256},
    "muddpythia": {"n_layer": 3, "n_head": 2, "dim": 64, "intermediate_size": 256},
}
SHARED = {
    "vocab_size": 97,
    "block_size": 64,
    "use_qk_norm": True,
    "round64": True,
    "expand_last": True,
}
PYTHIA = {"rotary_pct": 0.25, "use_linear_bias": True, "use_parallel_residual": True}
HOW = (
    "The authors' files are executed as they are at that commit, in float64: Tensor.float is the "
    "identity while they run, so that only their float32 softmax and their rounded tables of sines "
    "are coarser. Every tensor is drawn by its name (tests/golden/fill.py: drawn_by_name). Logits "
    "are those of the tokens 7 and 19 of two texts of 20 tokens, (37 i^2 + 11 i + 5 row) mod 97."
)


def load(name: str, repository: Path) -> tuple[Any, Any]:
    """The authors' (configuration class, network class)."""
    for kind in ("configuration", "modeling"):
        module = ModuleType(f"{kind}_{name}")
        sys.modules[module.__name__] = module
        exec(read(repository, f"pytorch/{name}/{kind}_{name}.py"), module.__dict__)
    title = {"muddformer": "MUDDFormer", "muddpythia": "MUDDPythia"}[name]
    return getattr(sys.modules[f"configuration_{name}"], f"{title}Config"), getattr(module, title)


def ids() -> torch.Tensor:
    i, row = torch.arange(20), torch.arange(2)[:, None]
    return (37 * i**2 + 11 * i + 5 * row) % 97


def measure(name: str, repository: Path) -> dict[str, Any]:
    config, network = load(name, repository)
    args = SHARED | NETS[name] | (PYTHIA if name == "muddpythia" else {})
    model = network(config(**args)).double().eval()
    state = drawn_by_name({k: tuple(v.shape) for k, v in model.state_dict().items()})
    model.load_state_dict(state, strict=True)
    model.setup_caches(2, 64, dtype=torch.float64)
    kept, torch.Tensor.float = torch.Tensor.float, lambda self: self  # type: ignore[method-assign]
    with torch.no_grad():
        logits = model(ids(), return_tensor=True)
    torch.Tensor.float = kept  # type: ignore[method-assign]
    shapes = {key: list(value.shape) for key, value in state.items()}
    return {"args": args, "shapes": shapes, "logits": logits[:, [7, 19]].tolist()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("repository", type=Path)
    repository = parser.parse_args().repository
    nets = {name: measure(name, repository) for name in NETS}
    file = "pytorch/muddformer/modeling_muddformer.py"
    where = source("Caiyun-AI/MUDDFormer", repository, file)
    write("mudd", source=where, made_by="tests/golden/record_mudd.py", how=HOW, nets=nets)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
