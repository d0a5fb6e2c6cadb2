"""ResFormer and SVFormer (2410.17897): equal to the authors' and to the paper's equations.

In float64, with drawn weights. Logits and cache of the authors' code: golden/value_residual.json.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.conftest import one_of_a_kind
from tests.golden.fill import drawn_by_name
from tests.models import test_all_language_models as every
from tests.models.test_all_language_models import exact, ids, small
from tests.support.models import claim_on
from zoo.models._builder import build_model
from zoo.models._registry import get_entry
from zoo.models.resformer import FORMS
from zoo.models.resformer.formulas import cache_saved, cache_size
from zoo.models.resformer.model import ResFormer, SVFormer, Transformer
from zoo.models.resformer.values import SharedValues, ValueResidual, Values
from zoo.modules.attention import rotate

FILE = Path(__file__).parents[1] / "golden" / "value_residual.json"
NETS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))["nets"]
CLASSES: dict[str, Any] = {
    "transformer": Transformer,
    "resformer": ResFormer,
    "svformer": SVFormer,
}
ROOM = "zoo.models.resformer.model:"
VALUES = {"identity": {}, **{form: {**values} for form, values in FORMS.items()}}
VALUES["sparse"]["since"] = 3  # of three layers, not eight
RENAMES = (
    ("model.embed_tokens.", "tok_embeddings."),
    ("model.", ""),
    ("lm_head.", "output."),
    ("self_attn.", "attention."),
    ("input_layernorm.", "attention_norm."),
    ("post_attention_layernorm.", "ffn_norm."),
    ("mlp.gate_proj.", "feed_forward.w1."),
    ("mlp.up_proj.", "feed_forward.w3."),
    ("mlp.down_proj.", "feed_forward.w2."),
    *((f"{x}_proj.", f"w{x}.") for x in "qkvo"),
)
forms = pytest.mark.parametrize("form", VALUES)


def renamed(key: str) -> str:
    for theirs, mine in RENAMES:
        key = key.replace(theirs, mine)
    return key


def resformer(form: str, **args: Any) -> Any:
    return small(ROOM + "ResFormer", values=VALUES[form], **args)


def error(name: str, cls: Any) -> float:
    """Of a network of `cls` with the weights of a golden record, against its logits."""
    record = NETS[name]
    args = record["args"]
    sizes = {"width": "hidden_size", "hidden": "intermediate_size", "vocab": "vocab_size"}
    sizes |= {"layers": "num_hidden_layers", "heads": "num_attention_heads"}
    model = cls(**{key: args[theirs] for key, theirs in sizes.items()}, context=64).double()
    drawn = drawn_by_name(record["shapes"])
    model.load_state_dict({renamed(key): tensor for key, tensor in drawn.items()})
    i, row = torch.arange(20), torch.arange(2)[:, None]
    actual = model.eval()((37 * i**2 + 11 * i + 5 * row) % 97)[:, [7, 19]].detach()
    expected = torch.tensor(record["logits"], dtype=torch.float64)
    return float((actual - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("name", NETS)
def test_logits_of_every_golden_net_match_authors_code(name: str) -> None:
    """Norms, softmax and tables of their code are in float32."""
    assert error(name, CLASSES[name]) < 1e-6


def test_logits_other_form_differs_from_authors_code() -> None:
    assert error("resformer", Transformer) > 0.1
    assert error("transformer", ResFormer) > 0.1
    for changed in ({"first": 0.5, "own": 0.6}, {"since": 3}, {"first": 0.0, "own": 1.0}):
        assert error("resformer", lambda c=changed, **args: ResFormer(**args, values=c)) > 1e-2


def test_cache_saved_matches_formula_but_not_authors_code() -> None:
    """Contradiction nearly-half: theirs keeps V_1 once for every layer, ours once."""
    cached = {name: record["cached"] for name, record in NETS.items()}
    assert cached["svformer"] == cached["transformer"] == 2 * 4 * 64
    assert cache_size("svformer_82m") * 16 == cache_size("transformer_82m") * 9  # (L + 1) / 2L
    assert cache_size("resformer_82m") == cache_size("transformer_82m") == 2 * 8 * 512
    for size in ("82m", "180m", "468m"):
        formula, built = cache_saved(claim_on(f"svformer_{size}", f"transformer_{size}"))
        assert formula == pytest.approx(built, abs=1e-12)


def attend(block: Any, x: Tensor, value: Tensor, tables: Any) -> Tensor:
    """softmax(Q K' / sqrt(d)) V W^O + x, row by row of what may be seen."""
    normed = block.attention_norm(x)
    heads = block.attention.heads
    q, k, v = (
        y.unflatten(-1, (heads, -1))
        for y in (block.attention.wq(normed), block.attention.wk(normed), value)
    )
    q, k = rotate(q, *tables), rotate(k, *tables)
    out = torch.zeros_like(v)
    for t in range(x.shape[1]):
        for h in range(heads):
            scores = (k[:, : t + 1, h] * q[:, t : t + 1, h]).sum(-1) / q.shape[-1] ** 0.5
            out[:, t, h] = (scores.softmax(-1)[..., None] * v[:, : t + 1, h]).sum(1)
    return x + block.attention.wo(out.flatten(2))


def reference(model: Any, text: Tensor, weights: Any) -> Tensor:
    """The paper's equations, term by term: `weights(n)` are l_{n,1}, ..., l_{n,n}, n from 1."""
    x = model.tok_embeddings(text)
    tables = model.rotary.tables(torch.arange(text.shape[1])[None])
    values: list[Tensor] = []
    for n, block in enumerate(model.layers, 1):
        if block.attention.values:
            values.append(block.attention.wv(block.attention_norm(x)))
        mixed = sum(weight * value for weight, value in zip(weights(n), values, strict=False))
        x = attend(block, x, mixed, tables)
        x = x + block.feed_forward(block.ffn_norm(x))
    return model.output(model.norm(x))


def weights_of(form: str, model: Any) -> Any:
    """l_{n,i} of a form, from its parameters alone."""
    state = {k.rpartition("weights.")[2]: v for k, v in model.connections.named_parameters()}
    pairs: dict[str, Any] = {
        "identity": lambda n: (0.5, 0.5),
        "constant": lambda n: (2.0, 1.0),
        "sparse": lambda n: (5.0, 1.0) if n == 3 else (0.0, 1.0),
        "learnable": lambda n: (state["first"][n - 2], state["own"][n - 2]),
        "learnable_plus": lambda n: (
            state["scale"][0] * state["logits"][n - 2].exp() / state["logits"].exp().sum(),
            state["own"][n - 2],
        ),
    }

    def all_of(n: int) -> tuple[Any, ...]:
        if n == 1:
            return (1.0,)
        if form == "dense":
            return tuple(state[f"rows.{n - 2}"])
        first, own = pairs[form](n)
        return (first, *(0.0,) * (n - 2), own)

    return all_of


@forms
def test_resformer_every_form_matches_paper_equations(form: str) -> None:
    model = resformer(form)
    expected = reference(model, ids(), weights_of(form, model))
    torch.testing.assert_close(model(ids()), expected, **exact)


def test_svformer_logits_match_first_layer_values_equation() -> None:
    """U_n = A_n V_1."""
    model = small(ROOM + "SVFormer")
    torch.testing.assert_close(model(ids()), reference(model, ids(), lambda n: (1.0,)), **exact)


@pytest.mark.parametrize("values", [{"form": "learnable"}, {}])
def test_resformer_zero_first_weight_equals_transformer(values: dict[str, Any]) -> None:
    """To the last bit, with l_{n,1} = 0 and l_{n,2} = 1."""
    plain = small(ROOM + "Transformer")
    model = small(ROOM + "ResFormer", values={**values, "first": 0.0, "own": 1.0})
    neutral = ResFormer(**every.SMALL, values={**values, "first": 0.0, "own": 1.0}).double()
    mine = {k: v for k, v in neutral.state_dict().items() if k.startswith("connections")}
    model.load_state_dict(plain.state_dict() | mine)
    assert torch.equal(model(ids()), plain(ids()))
    identity = small(ROOM + "ResFormer")
    identity.load_state_dict(plain.state_dict())
    assert (identity(ids()) - plain(ids())).abs().max() > 1e-3


@pytest.mark.parametrize("form", one_of_a_kind(VALUES, "sparse".__eq__))
def test_resformer_every_form_passes_decoder_checks(form: str) -> None:
    """Caches, causality, gradients, casts, as in test_decoders."""
    target, args = ROOM + "ResFormer", {"values": VALUES[form]}
    every.test_forward_with_cache_matches_full_forward(target, args)
    every.test_forward_left_padding_is_ignored(target, args)
    every.test_forward_later_token_leaves_earlier_logits(target, args)
    every.test_backward_reaches_every_parameter_with_checkpointing(target, args)
    every.test_forward_half_precision_stays_close(target, args)


@pytest.mark.slow
@pytest.mark.parametrize("form", VALUES)
def test_resformer_every_form_compiles_and_exports(form: str) -> None:
    every.test_compile_and_export_match_eager(ROOM + "ResFormer", {"values": VALUES[form]})


def params(name: str) -> int:
    return sum(p.numel() for p in build_model(name, device="meta").parameters())


@pytest.mark.parametrize("size", ["82m", "180m", "468m"])
def test_count_params_of_svformer_omits_value_projections(size: str) -> None:
    """(L - 1) d d_v parameters fewer."""
    args = get_entry(f"svformer_{size}").args
    fewer = params(f"transformer_{size}") - params(f"svformer_{size}")
    assert fewer == (args["layers"] - 1) * args["width"] ** 2
    assert params(f"resformer_{size}") == params(f"transformer_{size}")


def test_count_params_of_every_form_adds_mixing_weights() -> None:
    """Two weights for each later layer; a scale; a weight for each pair of layers."""
    plain = params("transformer_82m")
    added = {form: params(f"resformer_{form}_82m") - plain for form in FORMS}
    assert added == {
        "constant": 0,
        "sparse": 0,
        "learnable": 14,
        "learnable_plus": 15,
        "dense": 35,
    }


def test_value_residual_init_matches_paper() -> None:
    """Learnable and the mean of two as Identity-ResFormer; more of V_1 for deeper layers in Plus,
    whose weights sum to L."""
    plus = Values.from_dict({"form": "learnable_plus"}).connections()(8, 16)
    first = [plus.weights.of(i)[0].item() for i in range(7)]
    assert first == sorted(set(first))
    assert sum(first) == pytest.approx(8)
    for form in ("learnable", "dense"):
        begun = Values.from_dict({"form": form}).connections()(2, 16)
        assert [weight.item() for weight in begun.weights.of(0)] == [0.5, 0.5]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"form": "random"}, "form must be one of fixed, learnable, learnable_plus, dense"),
        ({"lambda": 1}, "values are form, since, first, own, not 'lambda'"),
        ({"since": 1}, r"since must be a layer from 2 to 3 \(V_1 is layer 1's\)"),
        ({"since": 4}, r"since must be a layer from 2 to 3"),
        ({"form": "dense", "own": 1.0}, "first and own are fixed or learnable, not dense"),
    ],
)
def test_resformer_invalid_values_raises(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(ROOM + "ResFormer", values=values)


@pytest.mark.parametrize("name", ["gpt2", "transformer_pp", "pythia"])
@pytest.mark.parametrize(
    "connections", [SharedValues, Values.from_dict({"form": "dense"}).connections()]
)
def test_value_connections_in_other_decoders_decode_with_cache(name: str, connections: Any) -> None:
    target = {"gpt2": "GPT2", "transformer_pp": "TransformerPP", "pythia": "Pythia"}[name]
    model = small(f"zoo.models.{name}.model:{target}", connections=connections)
    assert isinstance(model.connections, SharedValues | ValueResidual)
    cache = model.cache(2, 12)
    with torch.inference_mode():
        parts = [model(ids()[:, i : i + 3], cache) for i in range(0, 12, 3)]
    torch.testing.assert_close(torch.cat(parts, 1), model(ids()), **exact)
