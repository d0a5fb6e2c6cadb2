"""Frac-connections: what 2503.14125 says that they are, at first and after.

In float64, with drawn weights: pseudocode   equations, term by term   the plain transformer at
first   hyper-connections of n = 1   counts
"""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.conftest import one_of_a_kind
from tests.golden.fill import drawn_by_name
from tests.models import test_all_language_models as test_decoders
from tests.models.test_all_language_models import ids, small
from tests.models.test_hyper_connections import close, drawn, rates, text, through
from tests.support.models import claim_on
from zoo.models._builder import build_model
from zoo.models._registry import get_entry, stored_counts
from zoo.models.frac_connections import formulas
from zoo.models.frac_connections.frac import FracConnections
from zoo.models.hyper_connections.hyper import HyperConnections

FILE = Path(__file__).parents[1] / "golden" / "connections.json"
NETS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))["nets"]
OLMO = "zoo.models.hyper_connections.model:PreNormOLMo"
FRAC = "zoo.models.frac_connections.model:FracOLMo"
DECODERS = [OLMO, "zoo.models.gpt2.model:GPT2", "zoo.models.transformer_pp.model:TransformerPP"]
kinds = pytest.mark.parametrize("dynamic", [False, True], ids=["SFC", "DFC"])


@rates
def test_frac_connections_dynamic_matches_golden_pseudocode(n: int) -> None:
    golden = NETS[f"dfc x {n}"]
    join: Any = FracConnections(2, 8, m=n).double()
    for seed, mine in enumerate(list(join.sublayers)[:3]):
        state = drawn_by_name({k: tuple(v) for k, v in golden["shapes"].items()}, seed)
        mine.static.data = torch.cat(
            [state["static_beta"][:, None], state["static_alpha"]], 1
        ).flatten()
        mine.w.data = torch.cat([state["dynamic_beta_fn"][:, None], state["dynamic_alpha_fn"]], 1)
        mine.s_beta.data = state["dynamic_beta_scale"]
        mine.s_alpha.data = state["dynamic_alpha_scale"]
        mine.norm.weight.data = state["layer_norm.weight"]
    actual = through(join, text(), [lambda x: (3 * x).sin()] * 3)
    close(actual, torch.tensor(golden["stream"], dtype=torch.float64))


def restated(one: Any, h: Tensor, m: int, sublayer: Any) -> Tensor:
    """Eqs. 8 and 11 to 14, of one token, (D,)."""
    parts = [h[i * (len(h) // m) : (i + 1) * (len(h) // m)] for i in range(m)]
    static = one.static.view(m, 2 * m + 1)
    b, y, a = static[:, 0], static[:, 1 : m + 1], static[:, m + 1 :]
    if one.dynamic:
        h_bar = torch.stack(
            [x / (x.square().mean() + 1e-5).sqrt() * one.norm.weight for x in parts]
        )
        b = one.s_beta * torch.tanh(h_bar @ one.w[:, 0]) + b  # Eq. 12
        y = one.s_alpha * torch.tanh(h_bar @ one.w[:, 1 : m + 1]) + y  # Eq. 13
        a = one.s_alpha * torch.tanh(h_bar @ one.w[:, m + 1 :]) + a  # Eq. 14

    def mixed(weights: Tensor, j: int) -> Tensor:
        return sum((weights[i, j] * parts[i] for i in range(m)), torch.zeros(()))

    out = sublayer(torch.cat([mixed(y, j) for j in range(m)]))
    outs = [out[j * (len(h) // m) : (j + 1) * (len(h) // m)] for j in range(m)]
    return torch.cat([b[j] * outs[j] + mixed(a, j) for j in range(m)])


@rates
@kinds
def test_frac_connections_match_equations_8_and_11_to_14(n: int, dynamic: bool) -> None:
    join = drawn(FracConnections(2, 8, m=n, dynamic=dynamic))
    sublayers = [torch.sin, torch.cos, torch.exp, torch.tanh]
    actual = through(join, text(), [lambda x, f=f: f(x / 9) for f in sublayers])
    for token in range(3):
        h = text()[0, token]
        for one, f in zip(join.sublayers, sublayers, strict=True):
            h = restated(one, h, n, lambda x, f=f: f(x / 9))
        torch.testing.assert_close(actual[0, token], h, rtol=1e-12, atol=1e-12)


class Repeated(FracConnections):
    """A popular port's first weights: what a sublayer sees is its first fraction, m times
    (num_fracs of hyper-connections 0.4.9, whose Y is e_0 in all columns)."""

    def __init__(self, layers: int, width: int, **kind: Any) -> None:
        super().__init__(layers, width, **kind)
        for one in self.sublayers:
            table = one.static.data.view(self.m, 2 * self.m + 1)
            table[:, 1 : self.m + 1] = torch.eye(self.m)[:, :1]


@rates
@kinds
@pytest.mark.parametrize("target", DECODERS)
def test_frac_connections_at_init_equal_plain_network(target: str, n: int, dynamic: bool) -> None:
    """Sec. 4.3: to the bit. The port's is that for m = 1 alone."""
    plain = small(target)
    for cls, right in ((FracConnections, True), (Repeated, n == 1)):
        join = partial(cls, m=n, dynamic=dynamic)
        model = small(target, connections=join)
        fresh = join(3, 32).double().state_dict()
        model.load_state_dict(
            plain.state_dict() | {f"connections.{k}": v for k, v in fresh.items()}
        )
        assert torch.equal(model(ids()), plain(ids())) == right
        if not right:
            assert (model(ids()) - plain(ids())).abs().max() > 1e-2


def test_frac_connections_m_1_equals_hyper_connections_n_1() -> None:
    """Sec. 4.1: frac- and hyper-connections of n = 1 are the same, of the same weights; the norm
    alone is another."""
    for dynamic in (False, True):
        frac = drawn(FracConnections(2, 8, m=1, dynamic=dynamic))
        hyper: Any = HyperConnections(2, 8, n=1, dynamic=dynamic).double()
        missing, left = hyper.load_state_dict(frac.state_dict(), strict=False)
        assert not missing
        assert left == [f"sublayers.{i}.norm.weight" for i in range(4)] * dynamic
        for mine, other in zip(frac.sublayers, hyper.sublayers, strict=True):
            if dynamic:
                other.norm = mine.norm
        fs = [torch.sin, torch.cos, torch.sin, torch.tanh]
        assert torch.equal(through(frac, text(), fs), through(hyper, text(), fs)[:, :, 0])


@rates
def test_frac_connections_keep_stream_width(n: int) -> None:
    """Sec. 4.1: no memory for more streams; h is split, not replicated."""
    join = FracConnections(1, 8, m=n)
    assert through(join, text().float(), [torch.sin]).shape == text().shape


FRACS = [{"m": m, "dynamic": dynamic} for m in (2, 1, 8) for dynamic in (True, False)]


@pytest.mark.parametrize("frac", one_of_a_kind(FRACS, lambda frac: frac["dynamic"]), ids=str)
def test_frac_olmo_every_kind_decodes_and_trains(frac: dict[str, Any]) -> None:
    args = {"frac": frac}
    test_decoders.test_forward_with_cache_matches_full_forward(FRAC, args)
    test_decoders.test_backward_reaches_every_parameter_with_checkpointing(FRAC, args)


@pytest.mark.slow
@pytest.mark.parametrize("frac", {f["dynamic"]: f for f in FRACS}.values(), ids=str)
def test_frac_olmo_every_kind_compiles_and_exports(frac: dict[str, Any]) -> None:
    test_decoders.test_compile_and_export_match_eager(FRAC, {"frac": frac})


@pytest.mark.parametrize(
    ("name", "added"), [("olmo_1b_sfc_x4", 1_152), ("olmo_1b_dfc_x4", 165_056)]
)
def test_added_params_match_section_4_4_examples(name: str, added: int) -> None:
    """The two examples of Sec. 4.4."""
    assert stored_counts(get_entry(name))["params"] == 1_176_764_416 + added
    assert formulas.added_params(claim_on(name)) == (added, added)


@pytest.mark.parametrize(
    ("frac", "message"),
    [
        ({"m": 3}, r"the frac-rate m must divide the width \(Eq. 6\), not 3 of 80"),
        ({"m": 0}, r"the frac-rate m must divide the width \(Eq. 6\), not 0 of 80"),
        ({"n": 2}, r"choices of frac-connections are m, dynamic, not 'n'"),
    ],
)
def test_build_model_invalid_frac_args_raises(frac: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_model("olmo_nano_dfc_x4", device="meta", frac=frac)
