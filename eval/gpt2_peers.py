"""GPT-2 as others run it: transformers, as it is and compiled with a static cache, and OpenVINO.

transformers' network, kind of run -> a call that makes it once

Each is asked for the logits of a prompt, for those after its last token, with a cache for what
follows, and for tokens one by one after that. Where a library can, it is asked for the last
position alone. In int8, weights of linear layers are in whole numbers, a scale for each output.
"""

import copy
import importlib.util
import tempfile
from functools import partial
from typing import Any

import torch
from torch import Tensor

from eval.speed import Turn

PROMPT, MORE = 512, 32  # tokens at once, and one by one after them
RUNS = (f"all logits of {PROMPT}", f"prompt of {PROMPT}", f"{PROMPT} and {MORE} tokens")
EXACT = {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32"}  # of OpenVINO


def ids(tokens: int) -> Tensor:
    return torch.randint(50_000, (1, tokens), generator=torch.Generator().manual_seed(0))


def make() -> Any:
    """Return transformers' GPT-2, with random weights."""
    theirs: Any = importlib.import_module("transformers")
    return theirs.GPT2LMHeadModel(theirs.GPT2Config(attn_implementation="sdpa")).eval()


def by_transformers(model: Any) -> dict[str, Turn]:
    """Return a call for each of RUNS."""

    def prefill() -> Any:
        return model(ids(PROMPT), use_cache=True, logits_to_keep=1).past_key_values

    def generate() -> None:
        cache = prefill()
        for i in range(MORE):
            model(ids(MORE)[:, i : i + 1], past_key_values=cache, use_cache=True)

    runs = (lambda: model(ids(PROMPT), use_cache=False), prefill, generate)
    return dict(zip(RUNS, runs, strict=True))


def by_torch_compile(model: Any, *, int8: bool = False) -> dict[str, Turn]:
    """Return the same with a static cache, compiled by torch with the weights as constants."""
    theirs: Any = importlib.import_module("transformers")
    if int8:
        model = in_int8(model)
    cache = theirs.StaticCache(config=model.config, max_cache_len=PROMPT + MORE)
    compiled: Any = torch.compile(model, dynamic=False)

    def run(tokens: Tensor, **options: Any) -> None:
        with torch._inductor.config.patch(freezing=True):
            compiled(tokens, **options)

    def prefill() -> None:
        cache.reset()
        run(ids(PROMPT), past_key_values=cache, use_cache=True, logits_to_keep=1)

    def generate() -> None:
        prefill()
        for i in range(MORE):
            run(ids(MORE)[:, i : i + 1], past_key_values=cache, use_cache=True)

    runs = (partial(run, ids(PROMPT), use_cache=False), prefill, generate)
    return dict(zip(RUNS, runs, strict=True))


def in_int8(model: Any) -> Any:
    """Return a copy whose linear layers have weights in int8 by torchao.

    transformers' GPT-2 has layers of its own for them (Conv1D), which torchao does not know.
    """
    theirs: Any = importlib.import_module("transformers.pytorch_utils")
    torchao: Any = importlib.import_module("torchao.quantization")
    model = copy.deepcopy(model)
    layers = [(n, m) for n, m in model.named_modules() if isinstance(m, theirs.Conv1D)]
    for name, layer in layers:
        linear = torch.nn.Linear(*layer.weight.shape)
        linear.weight = torch.nn.Parameter(layer.weight.detach().T.contiguous())
        linear.bias = layer.bias
        model.set_submodule(name, linear)
    torchao.quantize_(model, torchao.Int8WeightOnlyConfig())
    return model


def by_openvino(model: Any, *, int8: bool = False) -> dict[str, Turn]:
    """Return the same by OpenVINO through optimum-intel, whose cache is in its session."""
    intel: Any = importlib.import_module("optimum.intel")
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        options = {"export": True, "load_in_8bit": int8, "ov_config": EXACT}
        session: Any = intel.OVModelForCausalLM.from_pretrained(folder, **options)

    def prefill() -> Any:
        return _ask(session, ids(PROMPT), PROMPT, None)

    def generate() -> None:
        cache = prefill()
        for i in range(MORE):
            cache = _ask(session, ids(MORE)[:, i : i + 1], PROMPT + i + 1, cache)

    return dict(zip(RUNS, (prefill, prefill, generate), strict=True))


def _ask(session: Any, tokens: Tensor, seen: int, cache: Any) -> Any:
    mask = torch.ones(1, seen, dtype=torch.long)
    return session(tokens, attention_mask=mask, past_key_values=cache).past_key_values


def has_openvino() -> bool:
    """Return True if optimum-intel is installed."""
    return importlib.util.find_spec("optimum") is not None
