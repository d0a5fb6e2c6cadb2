"""Published files of language models in their layouts, and the networks of transformers.

In float64, with drawn weights.
"""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
import transformers
from torch import Tensor

from tests.golden.fill import drawn_by_name
from tests.models.test_muddformer_parity import NETS, error, text
from tests.support.patching import replace_everywhere
from zoo.models._registry import get_entry
from zoo.models._sources import load_file
from zoo.models.gpt2.model import GPT2
from zoo.models.pythia.convert import apart
from zoo.papers.weights import WeightsError


def drawn(model: Any) -> Any:
    shapes = {k: tuple(v.shape) for k, v in model.state_dict().items() if v.is_floating_point()}
    model.double().load_state_dict(drawn_by_name(shapes), strict=False)
    return model.eval()


def test_load_file_gpt2_matches_transformers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a file as the Hub has it: without the prefix, transposed, with masks."""
    config = transformers.GPT2Config(n_layer=2, n_embd=32, n_head=4, vocab_size=53, n_positions=24)
    other = drawn(transformers.GPT2LMHeadModel(config))
    state = {
        key.removeprefix("transformer."): value.contiguous()
        for key, value in other.state_dict().items()
        if key != "lm_head.weight"
    }
    state |= {f"h.{i}.attn.bias": torch.ones(1, 1, 24, 24).tril() for i in range(2)}
    safetensors.torch.save_file(state, tmp_path / "model.safetensors")
    args = {"layers": 2, "width": 32, "heads": 4, "vocab": 53, "context": 24}
    model: Any = from_file(monkeypatch, "gpt2", args, tmp_path / "model.safetensors")
    same(model(text() % 53), other(text() % 53).logits)
    exact_gelu = GPT2(**args, gelu="none").double().eval()
    exact_gelu.load_state_dict(model.state_dict())
    assert (exact_gelu(text() % 53) - other(text() % 53).logits).abs().max() > 1e-5


def from_file(
    monkeypatch: pytest.MonkeyPatch, name: str, args: dict[str, Any], path: Path
) -> torch.nn.Module:
    """A small network under a name of the zoo, with the tensors of a file."""
    entry = get_entry(name)
    known = {name: replace(entry, args=args)}
    replace_everywhere(monkeypatch, "zoo.models._registry.model_entries", lambda: known)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        return load_file(name, path).eval()
    finally:
        torch.set_default_dtype(before)


def same(actual: Tensor, expected: Tensor, within: float = 1e-10) -> None:
    most = float(expected.detach().abs().max())
    torch.testing.assert_close(actual, expected, rtol=0, atol=within * most)


def test_load_file_nanogpt_keys_match_gpt2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same tensors in the layout of nanoGPT's checkpoints, where nothing is transposed."""
    args = {"layers": 2, "width": 32, "heads": 4, "vocab": 53, "context": 24}
    model = drawn(GPT2(**args))
    names = {
        "tok_embeddings": "wte",
        "pos_embeddings": "wpe",
        "layers": "h",
        "attention_norm": "ln_1",
        "ffn_norm": "ln_2",
        "attention.wqkv": "attn.c_attn",
        "attention.wo": "attn.c_proj",
        "feed_forward.w1": "mlp.c_fc",
        "feed_forward.w2": "mlp.c_proj",
    }
    state = {}
    for name, value in model.state_dict().items():
        key = name
        for mine, theirs in names.items():
            key = key.replace(mine, theirs)
        state[f"transformer.{re.sub('^norm', 'ln_f', key)}"] = value
    state["lm_head.weight"] = state["transformer.wte.weight"].clone()
    safetensors.torch.save_file(state, tmp_path / "nano.safetensors")
    again: Any = from_file(monkeypatch, "gpt2", args, tmp_path / "nano.safetensors")
    assert torch.equal(again(text() % 53), model(text() % 53))


def test_load_file_gpt_neox_matches_transformers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = transformers.GPTNeoXConfig(
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=8,
        intermediate_size=256,
        vocab_size=53,
        max_position_embeddings=24,
        rotary_pct=0.25,
        use_parallel_residual=True,
        hidden_act="gelu",
    )
    other = drawn(transformers.GPTNeoXForCausalLM(config))
    state = {k: v.contiguous() for k, v in other.state_dict().items() if v.is_floating_point()}
    safetensors.torch.save_file(state, tmp_path / "model.safetensors")
    args = {"layers": 2, "width": 64, "heads": 8, "vocab": 53, "context": 24}
    model: Any = from_file(monkeypatch, "pythia_70m", args, tmp_path / "model.safetensors")
    same(model(text() % 53), other(text() % 53).logits, 1e-6)  # its tables are in float32

    fused = state["gpt_neox.layers.0.attention.query_key_value.weight"]
    assert not torch.equal(apart(fused, 8), fused)
    assert torch.equal(apart(fused, 8)[8:16], fused[24:32])  # queries of the second head


def test_load_file_sharded_index_loads_or_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MUDDFormer's layout on the Hub: bf16 tensors in two files and an index."""
    record = NETS["muddformer"]
    state = {k: v.bfloat16() for k, v in drawn_by_name(record["shapes"]).items()}
    keys = sorted(state)
    halves = {
        f"model-0000{i + 1}-of-00002.safetensors": part
        for i, part in enumerate((keys[: len(keys) // 2], keys[len(keys) // 2 :]))
    }
    for file, part in halves.items():
        safetensors.torch.save_file({key: state[key] for key in part}, tmp_path / file)
    index = tmp_path / "model.safetensors.index.json"
    weight_map = {key: file for file, part in halves.items() for key in part}
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": weight_map}))
    args = {"layers": 4, "width": 64, "heads": 4, "hidden": 256, "vocab": 97, "context": 64}
    args["choices"] = {"rope": "bfloat16"}
    model = from_file(monkeypatch, "muddformer_2_8b", args, index)
    assert 1e-5 < error("muddformer", model) < 0.05  # the digits that bf16 has

    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(
        WeightsError, match=r"names model-00002-of-00002\.safetensors, which is not"
    ):
        from_file(monkeypatch, "muddformer_2_8b", args, index)
    for weight_map in ({"a": "../x.safetensors"}, {"a": "x.bin"}):
        index.write_text(json.dumps({"weight_map": weight_map}))
        with pytest.raises(WeightsError, match="no safetensors file beside it"):
            from_file(monkeypatch, "muddformer_2_8b", args, index)
    index.write_text("[]")
    with pytest.raises(WeightsError, match="no index of shards"):
        from_file(monkeypatch, "muddformer_2_8b", args, index)
