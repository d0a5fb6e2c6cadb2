"""Networks with hyper-connections: they decode, learn, count and begin as 2409.19606 says."""

from typing import Any

import pytest
import torch
import transformers

from tests.conftest import one_of_a_kind
from tests.models import test_all_language_models as test_decoders
from tests.models.test_all_language_models import ids, small
from tests.models.test_hyper_connections import HYPER, KINDS, OLMO, rates, text, through
from tests.support.models import claim_on
from zoo import training
from zoo.models._builder import build_model
from zoo.models._registry import get_entry, stored_counts
from zoo.models.hyper_connections import formulas
from zoo.models.hyper_connections.hyper import HyperConnections

VARIANTS: list[dict[str, Any]] = [
    {"n": n, **kind} for n in (1, 2, 4) for kind in KINDS if (n, kind) != (4, {})
]


@pytest.mark.parametrize(
    "hyper", one_of_a_kind(VARIANTS, lambda hyper: hyper.get("dynamic", True)), ids=str
)
def test_decoder_every_kind_passes_cache_and_gradient_checks(hyper: dict[str, Any]) -> None:
    args = {"hyper": hyper}
    test_decoders.test_forward_with_cache_matches_full_forward(HYPER, args)
    test_decoders.test_backward_reaches_every_parameter_with_checkpointing(HYPER, args)


@pytest.mark.slow
@pytest.mark.parametrize("hyper", {h.get("dynamic", True): h for h in VARIANTS}.values(), ids=str)
def test_decoder_every_kind_compiles_and_exports(hyper: dict[str, Any]) -> None:
    test_decoders.test_compile_and_export_match_eager(HYPER, {"hyper": hyper})


def test_olmo_logits_match_transformers() -> None:
    model = small(OLMO, hidden=64)
    config = transformers.OlmoConfig(
        vocab_size=53,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=2,
        max_position_embeddings=24,
        tie_word_embeddings=True,
        pad_token_id=1,
        eos_token_id=2,
    )
    peer = transformers.OlmoForCausalLM(config).double().eval()
    state = {"model.embed_tokens.weight": model.tok_embeddings.weight}
    state["lm_head.weight"] = model.tok_embeddings.weight
    for i, block in enumerate(model.layers):
        name, swiglu = f"model.layers.{i}", block.feed_forward
        for part, rows in zip("qkv", block.attention.wqkv.weight.chunk(3), strict=True):
            state[f"{name}.self_attn.{part}_proj.weight"] = rows
        state[f"{name}.self_attn.o_proj.weight"] = block.attention.wo.weight
        for theirs, ours in (("gate", swiglu.w1), ("up", swiglu.w3), ("down", swiglu.w2)):
            state[f"{name}.mlp.{theirs}_proj.weight"] = ours.weight
    peer.load_state_dict(state)
    # transformers' norm and tables of sines are in float32
    error = (peer(ids()).logits - model(ids())).abs().max()
    assert error < 1e-5
    model.layers[1].feed_forward.w1, model.layers[1].feed_forward.w3 = swiglu.w3, swiglu.w1
    assert (peer(ids()).logits - model(ids())).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("name", "params"),
    [  # Table 7, and n (n + 2), d (n + 2) + n (n + 2) + 2 for each of 2 L sublayers (App. B)
        ("olmo_1b", 1_176_764_416),
        ("olmo_1b_shc_x2", 1_176_764_416 + 256),
        ("olmo_1b_shc_x4", 1_176_764_416 + 768),
        ("olmo_1b_dhc_x2", 1_176_764_416 + 262_464),
        ("olmo_1b_dhc_x4", 1_176_764_416 + 394_048),
        ("olmo_7b", 6_888_095_744),
        ("olmo_7b_dhc_x4", 6_888_095_744 + 1_574_528),
    ],
)
def test_count_params_of_olmo_matches_table_7(name: str, params: int) -> None:
    assert stored_counts(get_entry(name))["params"] == params
    if "hc" in name:
        formula, built = formulas.added_params(claim_on(name))
        assert formula == built == params - (6_888_095_744 if "7b" in name else 1_176_764_416)


@rates
def test_hyper_connections_stream_is_n_times_as_wide(n: int) -> None:
    """App. B: n s b d numbers between two layers."""
    join = HyperConnections(1, 8, n=n)
    assert through(join, text().float(), [torch.sin]).numel() == n * text().numel()


def test_decay_matrices_only_spares_static_weights() -> None:
    """Sec. 4, Implementation, by the optimizer that spares vectors."""
    join = HyperConnections(1, 8)
    decayed, spared = training.decay_matrices_only(
        torch.optim.SGD, 0.5, join.parameters(), lr=0.1
    ).param_groups
    names = {id(p): name.rpartition(".")[2] for name, p in join.named_parameters()}
    assert {names[id(p)] for p in decayed["params"]} == {"w"}
    assert {names[id(p)] for p in spared["params"]} == {"static", "s_beta", "s_alpha"}


@rates
def test_init_output_matrices_scale_with_sqrt_n(n: int) -> None:
    """Sec. 4, Implementation: the last matrices of attention and SwiGLU by sqrt(n)."""
    sizes = {"layers": 2, "width": 128, "heads": 2, "hidden": 256, "vocab": 64}
    model: Any = build_model("olmo_nano_dhc_x4", **sizes, hyper={"n": n})
    for matrix in (model.layers[1].attention.wo, model.layers[1].feed_forward.w2):
        assert matrix.weight.std().item() == pytest.approx(0.01 * n**0.5, rel=0.05)


@pytest.mark.parametrize(
    ("hyper", "message"),
    [
        ({"n": 0}, r"the expansion rate n must be at least 1 \(Sec. 2.1\), not 0"),
        ({"rate": 2}, r"choices of hyper-connections are n, dynamic, tanh, not 'rate'"),
    ],
)
@pytest.mark.parametrize("name", ["olmo_nano_dhc_x4", "vit_b16_dhc_x2"])
def test_hyper_connections_invalid_option_raises(
    name: str, hyper: dict[str, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        build_model(name, device="meta", hyper=hyper)
