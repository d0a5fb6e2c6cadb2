"""Golden logits of the authors' gates around the sublayers of transformers' LLaMA.

uv run --with transformers==5.24.0 python tests/golden/record_gateskip.py PATH
                       a clone of Thiggel/GateSkip at commit 17a0bd5
"""

import argparse
import sys
from collections import OrderedDict
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from fill import drawn_by_name
from record import write
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM

COMMIT = "17a0bd5f45489bcdb946c4155b7fe12c73c6bf50"
FILES = {
    "experiment.utils.threshold_finder": "experiment/utils/threshold_finder.py",
    "experiment.models.gating.GatedWrapper": "experiment/models/gating/GatedWrapper.py",
}
UNUSED = {  # what GatedWrapper.py imports and does not call here
    "experiment.configs.ModelConfig": ["ModelConfig"],
    "experiment.models.gating.vllm_kernel": ["gate_skip_kernel"],
    "experiment.models.gating.physical_skip": [
        "attention_is_compactable",
        "compact_llama_attention",
        "compact_token_module",
    ],
}
SIZES = {
    "hidden_size": 32,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "vocab_size": 53,
    "max_position_embeddings": 24,
}
SETTINGS = {
    "increasing_threshold": False,
    "randomly_skip": False,
    "only_skip_every_second_layer": False,
    "always_skip_layers": [],
    "skip_entire_layer_based_on_attn": False,
    "skip_module_types": ["attn", "mlp"],
    "skip_modules": True,
    "physically_skip": False,
    "gating_mode": "after_module",
    "actually_gate": True,
    "use_vllm_kernels": False,
}
HOW = (
    "The authors' GatedWrapper and ThresholdFinder are executed as they are at that commit, around "
    "attention and MLP of LlamaForCausalLM (eager attention, rms_norm_eps 1e-5) in float64, whose "
    "norms and rotary tables are in float32; their gate layer, which no copy has, is "
    "sigmoid(linear(x)). Every tensor is drawn by its name (tests/golden/fill.py: drawn_by_name). "
    "Logits are those of the tokens 7 and 11 of two texts of 12 tokens, (37 i^2 + 11 i + 5 row) "
    "mod 53. `skipped` is the share of the tokens that each sublayer skips, and that of one token "
    "alone; `reuse` is the error that their cache's update of a skipped token ends in, and ignores."
)


def authors() -> Any:
    """Return their GatedWrapper."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("repository", type=Path)
    repository = parser.parse_args().repository
    for name, values in UNUSED.items():
        sys.modules[name] = SimpleNamespace(**dict.fromkeys(values))  # type: ignore[assignment]
    mode = SimpleNamespace(BEFORE_MODULE="before_module")
    sys.modules["experiment.configs.GatingConfig"] = SimpleNamespace(GatingMode=mode)  # type: ignore[assignment]
    for name, path in FILES.items():
        module = sys.modules[name] = ModuleType(name)
        exec((repository / path).read_text(), module.__dict__)
    return module.__dict__["GatedWrapper"]


def ids() -> Tensor:
    i, row = torch.arange(12), torch.arange(2)[:, None]
    return (37 * i**2 + 11 * i + 5 * row) % 53


def measure(wrapper: Any, layers: int, outputs: int, ratio: float) -> dict[str, Any]:
    config = LlamaConfig(
        **SIZES, num_hidden_layers=layers, rms_norm_eps=1e-5, attn_implementation="eager"
    )
    model: Any = LlamaForCausalLM(config)
    settings = SimpleNamespace(**SETTINGS, desired_skip_ratio=ratio)
    wrapped = []
    for i, layer in enumerate(model.model.layers):
        for name, kind in (("self_attn", "attn"), ("mlp", "mlp")):
            gate = nn.Sequential(OrderedDict(linear=nn.Linear(32, outputs), sigmoid=nn.Sigmoid()))
            part = wrapper(getattr(layer, name), gate, settings, i, f"{kind}_{i}", layer)
            setattr(layer, name, part)
            wrapped.append(part)
    model.double().eval()
    state = drawn_by_name({k: tuple(v.shape) for k, v in model.state_dict().items()})
    model.load_state_dict(state)

    def run(text: Tensor) -> tuple[Tensor, list[float]]:
        for part in wrapped:
            part.current_validity_mask = torch.ones_like(text, dtype=torch.bool)
        with torch.no_grad():
            logits = model(text, use_cache=False).logits
        return logits, [part.current_percent_tokens_skipped for part in wrapped]

    logits, skipped = run(ids())
    _, alone = run(ids()[:1, :1])
    caches = [(torch.zeros(1, 2, 1, 16), torch.ones(1, 2, 1, 16)) for _ in range(layers)]
    try:
        wrapped[-2].update_kv_cache((None, caches), caches, torch.ones(1, 1, 1, dtype=torch.bool))
        reuse = ""
    except TypeError as error:
        reuse = f"TypeError: {error}"
    return {
        "args": {"layers": layers, "scalar": outputs == 1, "budget": 1 - ratio},
        "shapes": {key: list(value.shape) for key, value in state.items()},
        "logits": logits[:, [7, 11]].tolist(),
        "skipped": {"texts": skipped, "one token": alone},
        "reuse": reuse,
    }


def main() -> None:
    wrapper = authors()
    nets = {
        "vectors": measure(wrapper, 2, 32, 0.0),
        "vectors, skipping": measure(wrapper, 1, 32, 0.3),
        "scalars, skipping": measure(wrapper, 1, 1, 0.3),
    }
    where = f"Thiggel/GateSkip@{COMMIT}:experiment"
    made_by = "tests/golden/record_gateskip.py"
    write("gateskip", source=where, made_by=made_by, how=HOW, nets=nets)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
