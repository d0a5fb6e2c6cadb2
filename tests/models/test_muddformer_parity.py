"""The language models equal to their authors' (golden/mudd.json) and to transformers'.

In float64, with drawn weights. Every proof is also seen to fail.
"""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.golden.fill import drawn_by_name
from zoo.checkpoints.key_mapping import KeyMapping
from zoo.models._builder import build_model
from zoo.models._conversion import all_key_mappings
from zoo.models._registry import get_entry, stored_counts
from zoo.models.gpt2.model import GPT2
from zoo.models.muddformer.model import MUDDFormer, MUDDPythia, reallocated
from zoo.models.muddformer.mudd import MUDD, Sum
from zoo.models.pythia.model import Pythia
from zoo.models.transformer_pp.model import TransformerPP

FILE = Path(__file__).parents[1] / "golden" / "mudd.json"
NETS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))["nets"]
CLASSES: dict[str, tuple[Any, str]] = {
    "muddformer": (MUDDFormer, "bfloat16"),
    "muddpythia": (MUDDPythia, "float16"),
}
# MUDDFormer's own softmax is in float32; MUDDPythia's is not.
SAME = {"muddformer": 3e-6, "muddpythia": 1e-12}
both = pytest.mark.parametrize("name", NETS)


def text() -> Tensor:
    """The ids of tests/golden/record_mudd.py."""
    i, row = torch.arange(20), torch.arange(2)[:, None]
    return (37 * i**2 + 11 * i + 5 * row) % 97


def find_mapping(family: str, name: str) -> KeyMapping:
    return next(s for r, s in all_key_mappings() if r == family and s.name == name)


def ours(name: str, **choices: Any) -> Any:
    """The network of a golden record, in float64 and eval mode, with its weights."""
    cls, rope = CLASSES[name]
    args = NETS[name]["args"]
    model = cls(
        layers=args["n_layer"],
        width=args["dim"],
        heads=args["n_head"],
        hidden=args["intermediate_size"],
        vocab=args["vocab_size"],
        context=args["block_size"],
        choices={"rope": rope, **choices},
    )
    state = find_mapping("muddformer", "Caiyun-AI").to_zoo(drawn_by_name(NETS[name]["shapes"]))
    missing, left = model.double().load_state_dict(state, strict=False)
    assert not missing
    assert not left or choices
    return model.eval()


def error(name: str, model: Any) -> float:
    expected = torch.tensor(NETS[name]["logits"], dtype=torch.float64)
    actual = model(text())[:, [7, 19]].detach()
    return float((actual - expected).abs().max() / expected.abs().max())


@both
def test_muddformer_logits_match_released_code(name: str) -> None:
    assert error(name, ours(name)) < SAME[name]


@both
def test_muddformer_other_choice_changes_logits(name: str) -> None:
    for choices in ({"gelu": "tanh"}, {"rope": "float32"}, {"qk_norm": False}):
        assert error(name, ours(name, **choices)) > 10 * SAME[name], choices


@both
def test_muddformer_permuted_weights_change_logits(name: str) -> None:
    """A wrong order of Q, K, V, R, of layers, or of norms gives other logits."""
    wrong = []
    for what in ("ways", "sources", "norms", "prior"):
        model = ours(name)
        state = model.state_dict()
        key = "connections.dynamic_dense.1.w2.weight"
        rows = state[key].unflatten(0, (4, 3))
        changed = {
            "ways": {key: rows.flip(0).flatten(0, 1)},
            "sources": {key: rows.flip(1).flatten(0, 1)},
            "norms": {
                f"layers.1.attention_norms.{i}.weight": state[
                    f"layers.1.attention_norms.{2 - i}.weight"
                ]
                for i in range(3)
            },
            "prior": {"connections.dense_bs.1": state["connections.dense_bs.1"].flip(1)},
        }[what]
        model.load_state_dict(state | changed)
        wrong.append(error(name, model))
    assert min(wrong) > 1e-3


def plain(cls: Any, mudd: Any) -> Any:
    """The transformer without connections that has the layers of a MUDD network."""
    args = {"layers": 3, "width": 32, "heads": 2, "vocab": 53, "context": 24, "qk_norm": True}
    model = cls(**args).double().eval()
    for i, (block, other) in enumerate(zip(model.layers, mudd.layers, strict=True)):
        block.feed_forward = other.feed_forward
        attention = other.attention
        for kind in ("weight", "bias"):
            if getattr(attention.wq, kind, None) is not None:
                fused = [getattr(getattr(attention, f"w{x}"), kind) for x in "qkv"]
                getattr(block.attention.wqkv, kind).data = torch.cat(fused)
        block.attention.wo, block.attention.q_norm = attention.wo, attention.q_norm
        block.attention.k_norm, block.ffn_norm = attention.k_norm, other.ffn_norm
        norm = other.attention_norms[0] if i else other.attention_norm
        for more in other.attention_norms if i else ():
            more.load_state_dict(norm.state_dict())
        block.attention_norm = norm
    model.tok_embeddings, model.norm, model.output = mudd.tok_embeddings, mudd.norm, mudd.output
    return model


@pytest.mark.parametrize(("cls", "base"), [(MUDDFormer, TransformerPP), (MUDDPythia, Pythia)])
@pytest.mark.parametrize("pre_post", [False, True])
def test_muddformer_neutral_weights_equal_plain_transformer(
    cls: Any, base: Any, pre_post: bool
) -> None:
    """Exactly: the weights that are 0 or 1 leave every digit as it is."""
    args = {"layers": 3, "width": 32, "heads": 2, "hidden": 256, "vocab": 53, "context": 24}
    mudd = cls(**args, choices={"pre_post": pre_post}).double()
    shapes = {k: tuple(v.shape) for k, v in mudd.state_dict().items()}
    mudd.load_state_dict(drawn_by_name(shapes))
    mudd.connections.initialise()
    mudd.eval()
    for parameter in mudd.connections.post_norms.parameters() if pre_post else ():
        parameter.data.zero_()
    ids, base_model = text() % 53, plain(base, mudd)
    assert (mudd(ids) - base_model(ids)).abs().max() < 1e-14
    with torch.no_grad():
        mudd.connections.dense_bs[0][2, 0] = 1e-3
        if not pre_post:
            assert (mudd(ids) - base_model(ids)).abs().max() > 1e-6


@pytest.mark.parametrize("cls", [GPT2, TransformerPP, Pythia])
def test_mudd_any_decoder_gets_gradients(cls: Any) -> None:
    args: dict[str, Any] = {"layers": 2, "width": 32, "heads": 2, "vocab": 53, "context": 24}
    model = cls(**args, connections=MUDD)
    assert len(model.connections.dynamic_dense) == 2
    model(text() % 53).sum().backward()
    assert all(p.grad is not None for p in model.connections.parameters())


def test_reallocated_hidden_sizes_sum_to_budget() -> None:
    """Eq. 9 for MUDDPythia-2.8B: 0.5 to 1.5 times 10240, 10240 on average."""
    sizes = [reallocated(10240, i, 32) for i in range(32)]
    assert (sizes[0], sizes[-1], sum(sizes)) == (5120, 15360, 32 * 10240)
    assert all(size % 128 == 0 for size in sizes)
    with pytest.raises(ValueError, match=r"layers must be at least 2 \(Eq. 9\), not 1"):
        MUDDFormer(layers=1)


def test_muddformer_invalid_choice_raises() -> None:
    with pytest.raises(ValueError, match=r"choices are qk_norm.*, not 'gelus'"):
        build_model("muddformer_2_8b", device="meta", choices={"gelus": "tanh"})
    with pytest.raises(ValueError, match="last_ways must be 1"):
        build_model("muddformer_2_8b", device="meta", choices={"last_ways": 2})


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("muddformer_2_8b", 2_804_871_709),
        ("muddpythia_1_4b", 1_419_950_149),
        ("muddpythia_2_8b", 2_784_962_589),
        ("gpt2", 124_439_808),
        ("loop_gpt2_81m", 81_912_576),
        ("loop_gpt2_45m", 46_473_216),
        ("gpt2_45m_lite", 46_473_216),
    ],
)
def test_stored_counts_language_model_params_are_exact(name: str, params: int) -> None:
    assert stored_counts(get_entry(name))["params"] == params


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is")  # in torch's own jvp
def test_sum_derivatives_match_plain_product() -> None:
    """Forward and backward, and over samples (torch.func)."""
    draw = partial(torch.randn, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    inputs = draw(2, 5, 4, 3), *(draw(2, 5, 8) for _ in range(3))
    tangents = tuple(draw(x.shape) for x in inputs)

    def plain(weights: Tensor, *sources: Tensor) -> Tensor:
        return weights @ torch.stack(sources, 2)

    forward = torch.func.jvp(Sum.apply, inputs, tangents)
    torch.testing.assert_close(forward, torch.func.jvp(plain, inputs, tangents))
    (_, pull), (_, expected) = (torch.func.vjp(f, *inputs) for f in (Sum.apply, plain))
    cotangent = draw(2, 5, 4, 8)
    torch.testing.assert_close(pull(cotangent), expected(cotangent))
    rows = [x[:, None] for x in inputs]
    torch.testing.assert_close(torch.vmap(Sum.apply)(*rows).squeeze(1), plain(*inputs))
