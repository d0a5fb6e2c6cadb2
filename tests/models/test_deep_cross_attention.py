"""DeepCrossAttention (2502.06785): the plain network at first, and the paper's equations after.

In float64, with drawn weights.
"""

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.conftest import one_of_a_kind
from tests.models import test_all_language_models as every
from tests.models.test_all_language_models import exact, ids, small
from zoo.models._builder import build_model
from zoo.models.deep_cross_attention.dca import DeepCrossAttention, GeneralizedResidual
from zoo.models.deep_cross_attention.grn import GRN, VERSIONS, Window
from zoo.models.deep_cross_attention.model import Sines
from zoo.modules.connections import Sublayer

TARGET = "zoo.models.deep_cross_attention.model:DCATransformer"
LM1B = "zoo.models.deep_cross_attention.model:LM1BTransformer"
KS = (None, 1, 2, 3)
KINDS = [
    *({"residual": f"grn_{v}"} for v in VERSIONS),
    *({"residual": "dca", "k": k, "per_source": True} for k in (1, 2)),
    {"residual": "dca", "k": 1},
]


def drawn(module: nn.Module) -> Any:
    """With weights of both signs."""
    generator = torch.Generator().manual_seed(0)
    for p in module.double().parameters():
        p.data = torch.randn(p.shape, generator=generator, dtype=torch.float64)
    return module


def texts(count: int, width: int = 8) -> list[Tensor]:
    """`count` sources, (2, 3, width) each."""
    generator = torch.Generator().manual_seed(1)
    return list(torch.randn(count, 2, 3, width, generator=generator, dtype=torch.float64))


@pytest.mark.parametrize("per_source", [False, True])
@pytest.mark.parametrize("version", VERSIONS)
def test_grn_matches_equations(version: str, per_source: bool) -> None:
    """G b, (G o b) 1 and (G o (b + 1 relu(w^T G))) 1, of a token, with G of (d, t)."""
    grn = drawn(GRN(8, 4, version, instances=3, per_source=per_source))
    sources = texts(4)
    actual = grn(sources)
    for batch, token, instance in ((0, 0, 0), (1, 2, 2), (1, 0, 1)):
        g = torch.stack([f[batch, token] for f in sources], 1)
        b = grn.b[instance].T
        if version == "v3":
            w = grn.w[instance].T
            scores = (w * g).sum(0) if per_source else (w.T @ g)[0]
            assert 0 < (scores > 0).sum() < 4 or instance
            b = b + torch.ones(8, 1, dtype=torch.float64) @ scores.relu()[None]
        torch.testing.assert_close(actual[batch, token, instance], (g * b).sum(1), **exact)


def test_window_keeps_input_and_last_outputs_and_sums_the_rest() -> None:
    """Sec. 3.1: with k = 2, at most 4 vectors."""
    outputs = [torch.tensor(float(10**i)) for i in range(6)]
    for k, expected in {
        1: [1.0, 11110.0, 100000.0],
        2: [1.0, 1110.0, 10000.0, 100000.0],
        9: [float(x) for x in outputs],
        None: [float(x) for x in outputs],
    }.items():
        window = Window(k)
        sources: tuple[Tensor, ...] = (outputs[0],)
        for i, output in enumerate(outputs[1:], 2):
            sources = window.add(sources, output)
            assert len(sources) == window.size(i)
        assert [float(x) for x in sources] == expected


def restated(stream: Any, x: Tensor, sublayers: Any) -> Tensor:
    """Fig. 4, layer by layer, all outputs kept, of functions attention(q, k, v) and network(x)."""
    outputs = [x]

    def stack() -> list[Tensor]:
        k = stream.window.k or len(outputs)
        between = outputs[1:-k]
        return [outputs[0], *([sum(between[1:], between[0])] if between else []), *outputs[1:][-k:]]

    for i, (attention, network) in enumerate(sublayers):
        ways = [x] * 3 if i == 0 else list(stream.grns[i - 1](stack()).unbind(2))
        q, k, v = ways if len(ways) == 3 else ways * 3
        attended = attention(q, k, v)
        outputs.append(attended + network(attended + q))
    return stream.grns[-1](stack())[:, :, 0]


@pytest.mark.parametrize("k", KS)
@pytest.mark.parametrize("kind", [DeepCrossAttention, GeneralizedResidual])
def test_stream_matches_figure_4(kind: Any, k: int | None) -> None:
    stream = drawn(kind(5, 8, k=k))
    sublayers = [
        (lambda q, k, v, i=i: (q * k / 9 + i * v).sin(), lambda x, i=i: (x / (i + 2)).cos())
        for i in range(5)
    ]
    (x,) = texts(1)
    state = stream.expand(x)
    for i, (attention, network) in enumerate(sublayers):
        seen, residual = stream.read(Sublayer(i, True, False), state)
        ways = seen.unbind(2) if seen.dim() == 4 else [seen] * 3
        state = stream.write(Sublayer(i, True, False), state, residual, attention(*ways))
        seen, residual = stream.read(Sublayer(i, False, True), state)
        state = stream.write(Sublayer(i, False, True), state, residual, network(seen))
    torch.testing.assert_close(stream.collapse(state), restated(stream, x, sublayers), **exact)


class Dropping(Window):
    """A popular port's window: the outputs between are left out."""

    def add(self, sources: tuple[Tensor, ...], output: Tensor) -> tuple[Tensor, ...]:
        kept = super().add(sources, output)
        return kept if len(sources) < len(kept) else (kept[0], 0 * kept[1], *kept[2:])


def same_weights(model: Any, plain: Any) -> None:
    """Load a plain network's weights into one with GRNs as they are at first."""
    state = model.state_dict()
    for key in state:
        if not key.startswith("connections."):
            for i in range(3):
                key_of_plain = key.replace(f"attention_norms.{i}.", "attention_norm.")
                state[key] = plain.state_dict().get(key_of_plain, state[key])
        else:
            state[key] = torch.full_like(state[key], float(key.endswith(".b")))
    state |= {
        key: plain.state_dict()[key.replace(f"norms.{i}.", "norm.")]
        for i in range(3)
        for key in state
        if f"attention_norms.{i}." in key
    }
    model.load_state_dict(state)


@pytest.mark.parametrize("k", KS)
@pytest.mark.parametrize("residual", ["dca", "grn_v3"])
def test_network_at_init_equals_plain_network(residual: str, k: int | None) -> None:
    """For every k; a window that drops outputs does so only while there are none to drop."""
    plain = small(TARGET, residual="plain", layers=5)
    model = small(TARGET, residual=residual, k=k, layers=5)
    same_weights(model, plain)
    with torch.no_grad():
        torch.testing.assert_close(model(ids()), plain(ids()), **exact)
        model.connections.window = Dropping(k)
        off = (model(ids()) - plain(ids())).abs().max()
        assert (off > 1e-2) == (k is not None)
        drawn(model.connections)
        assert (model(ids()) - plain(ids())).abs().max() > 1e-2


def test_stream_first_weights_are_plain() -> None:
    for name, p in build_model("dca_nano").named_parameters():
        if name.startswith("connections."):
            assert torch.equal(p.data, torch.full_like(p, float(name.endswith(".b"))))


@pytest.mark.parametrize("args", one_of_a_kind(KINDS, lambda args: args["residual"][:3]), ids=str)
def test_every_kind_decodes_and_trains(args: dict[str, Any]) -> None:
    every.test_forward_with_cache_matches_full_forward(LM1B, args)
    every.test_backward_reaches_every_parameter_with_checkpointing(LM1B, args)
    every.test_forward_half_precision_stays_close(LM1B, args)


@pytest.mark.slow
@pytest.mark.parametrize("args", {a["residual"][:3]: a for a in KINDS}.values(), ids=str)
def test_every_kind_compiles_and_exports(args: dict[str, Any]) -> None:
    every.test_compile_and_export_match_eager(LM1B, args)


def params(name: str, **args: Any) -> int:
    return sum(p.numel() for p in build_model(name, device="meta", **args).parameters())


def test_build_model_params_match_constructions_of_the_counts() -> None:
    """Tables 5 and 7 need a vector w for each source and a GRN after the last layer; w as printed
    would make 49.67M and 49.71M."""
    plain = params("transformer_lm1b")
    b = 2 + 3 + 4 + 5 + 6 + 7  # sources of the GRNs before layers 2 to 6, and after the last
    assert params("grn_v1_lm1b") == plain + b
    assert params("grn_v2_lm1b") == plain + 512 * b
    assert params("grn_v3_lm1b") == plain + 2 * 512 * b
    norms = 6 * 2 * 2 * 512  # two more in each layer, of a scale and a bias
    assert params("dca_lm1b") == plain + 2 * 512 * (3 * (b - 7) + 7) + norms
    assert params("grn_v3_lm1b", per_source=False) == plain + 512 * (b + 6) == 49_669_936
    assert params("dca_lm1b", per_source=False) == 49_707_824


def test_sines_match_flax_example() -> None:
    """sinusoidal_init of examples/lm1b/models.py, restated."""
    step = -np.log(10000.0) / (16 // 2 - 1)
    angles = np.arange(5)[:, None] * np.exp(np.arange(8) * step)
    expected = np.concatenate([np.sin(angles), np.cos(angles)], 1)
    actual = Sines(16)(torch.arange(5)[None])[0]
    torch.testing.assert_close(actual.double(), torch.from_numpy(expected), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"residual": "grn"}, "residual must be one of plain, grn_v1, .*, dca, not 'grn'"),
        ({"residual": "plain", "k": 2}, "a plain residual has no k"),
        ({"k": 0}, "k must be at least 1 .*, or None for all, not 0"),
    ],
)
def test_build_model_invalid_options_raises(args: dict[str, Any], message: str) -> None:
    for name in ("dca_nano", "dca_lm1b"):
        with pytest.raises(ValueError, match=message):
            build_model(name, device="meta", **args)
    with pytest.raises(ValueError, match="version must be one of v1, v2, v3, not 'v4'"):
        GRN(8, 2, "v4")
    with pytest.raises(ValueError, match="at least one source"):
        GRN(8, 1, "v1")([])


def test_dca_fits_any_decoder() -> None:
    for target in ("zoo.models.gpt2.model:GPT2", "zoo.models.transformer_pp.model:TransformerPP"):
        model = small(target, connections=partial(DeepCrossAttention, k=1))
        assert model(ids()).isfinite().all()
