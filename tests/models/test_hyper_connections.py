"""Hyper-connections: what 2409.19606 says that they are, at first and after.

In float64, with drawn weights: pseudocode   equations, term by term   the plain transformer at
first   arrangements of Sec. 3 and Apps. G, H   the unfolded matrix of App. F
"""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from tests.golden.fill import drawn_by_name, images
from tests.models.test_all_language_models import ids, small
from zoo.models._builder import build_model
from zoo.models.hyper_connections.hyper import HyperConnections
from zoo.modules.connections import Sublayer

FILE = Path(__file__).parents[1] / "golden" / "connections.json"
NETS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))["nets"]
OLMO = "zoo.models.hyper_connections.model:PreNormOLMo"
HYPER = "zoo.models.hyper_connections.model:HyperOLMo"
DECODERS = [OLMO, "zoo.models.gpt2.model:GPT2", "zoo.models.transformer_pp.model:TransformerPP"]
KINDS = [{"dynamic": False}, {}, {"tanh": False}]
rates = pytest.mark.parametrize("n", [1, 2, 4])
kinds = pytest.mark.parametrize("kind", KINDS, ids=["SHC", "DHC", "DHC without tanh"])
close = partial(torch.testing.assert_close, rtol=0, atol=1e-12)


def step(k: int) -> Sublayer:
    """The k-th sublayer, from 1: attention, feed-forward, attention, ..."""
    layer, rest = divmod(k - 1, 2)
    return Sublayer(layer, rest == 0, rest == 1)


def through(join: Any, x: Tensor, sublayers: Any) -> Tensor:
    """The stream after all sublayers, of x, (B, T, D)."""
    stream = join.expand(x)
    for k, sublayer in enumerate(sublayers, 1):
        seen, residual = join.read(step(k), stream)
        stream = join.write(step(k), stream, residual, sublayer(seen))
    return stream


def drawn(join: nn.Module) -> Any:
    """With weights of both signs: (n + 2) n numbers of A and B, W of variance 1, s of 0.3."""
    generator = torch.Generator().manual_seed(0)
    for name, parameter in join.double().named_parameters():
        values = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        parameter.data = 0.3 + 0.1 * values if ".s_" in name else values
    return join


def tables(join: Any, weights: dict[int, Any]) -> Any:
    """Static connections with these matrices HC of Eq. 1: 0 and B, then A_m and A_r."""
    for k, rows in weights.items():
        hc = torch.tensor(rows, dtype=torch.float64)
        join.sublayers[k - 1].static.data = torch.cat([hc[:1, 1:].T, hc[1:]], 1).flatten()
    return join.double()


def text(channels: int = 8) -> Tensor:
    """(1, 3, channels)."""
    return images(3, batch=1, channels=channels).flatten(2).mT[:, :3]


# The pseudocode of App. J


@rates
@pytest.mark.parametrize("kind", ["shc", "dhc"])
def test_hyper_connections_match_paper_pseudocode(n: int, kind: str) -> None:
    golden = NETS[f"{kind} x {n}"]
    join: Any = HyperConnections(2, 8, n=n, dynamic=kind == "dhc").double()
    for seed, mine in enumerate(list(join.sublayers)[:3]):
        state = drawn_by_name({k: tuple(v) for k, v in golden["shapes"].items()}, seed)
        static = torch.cat([state["static_beta"][:, None], state["static_alpha"]], 1)
        mine.static.data = static.flatten()
        if kind == "dhc":
            mine.s_beta.data = state["dynamic_beta_scale"]
            mine.s_alpha.data = state["dynamic_alpha_scale"]
            parts = [state["dynamic_beta_fn"][:, None], state["dynamic_alpha_fn"]]
            mine.w.data = torch.cat(parts, 1)
    actual = through(join, text(), [lambda x: (3 * x).sin()] * 3)
    close(actual, torch.tensor(golden["stream"], dtype=torch.float64))


# Eqs. 1 to 13, token by token, stream by stream


def restated(one: Any, h: Tensor, sublayer: Any) -> Tensor:
    """H^ of one token, (n, D), from its H."""
    n = len(h)
    static = one.static.view(n, n + 2)
    b, a_m, a_r = static[:, 0], static[:, 1], static[:, 2:]
    if one.dynamic:
        bend = torch.tanh if one.tanh else (lambda x: x)
        h_bar = torch.stack([(x - x.mean()) / (x.var(correction=0) + 1e-5).sqrt() for x in h])
        w_beta, w_m, w_r = one.w[:, 0], one.w[:, 1], one.w[:, 2:]
        b = one.s_beta * bend(h_bar @ w_beta) + b  # Eq. 11
        a_m = one.s_alpha * bend(h_bar @ w_m) + a_m  # Eq. 12
        a_r = one.s_alpha * bend(h_bar @ w_r) + a_r  # Eq. 13
    h_0 = sum((a_m[i] * h[i] for i in range(n)), torch.zeros(()))  # Eq. 3
    out = sublayer(h_0)
    rows = []
    for j in range(n):
        passed = sum((a_r[i, j] * h[i] for i in range(n)), torch.zeros(()))  # Eq. 4
        rows.append(b[j] * out + passed)  # Eq. 5
    return torch.stack(rows)


@rates
@kinds
def test_hyper_connections_match_equations_per_token(n: int, kind: dict[str, bool]) -> None:
    join = drawn(HyperConnections(2, 8, n=n, **kind))
    sublayers = [torch.sin, torch.cos, torch.exp, torch.tanh]
    actual = through(join, text(), [lambda x, f=f: f(x / 9) for f in sublayers])
    for token in range(3):
        h = text()[0, token].expand(n, 8)
        for one, f in zip(join.sublayers, sublayers, strict=True):
            h = restated(one, h, lambda x, f=f: f(x / 9))
        torch.testing.assert_close(actual[0, token], h, rtol=1e-12, atol=1e-12)


# At first (Sec. 2.3, App. H.1)


def before_the_norm(model: Any, x: Tensor) -> Tensor:
    seen: list[Tensor] = []
    with model.norm.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0])):
        model(x)
    return seen[0]


@rates
@kinds
@pytest.mark.parametrize("target", DECODERS)
def test_hyper_connections_initial_decoder_is_plain(
    target: str, n: int, kind: dict[str, bool]
) -> None:
    """Each of the n streams is the plain one, and what is summed n times that: to the bit."""
    plain = small(target)
    model = small(target, connections=partial(HyperConnections, n=n, **kind))
    fresh = HyperConnections(3, 32, n=n, **kind).double().state_dict()
    model.load_state_dict(plain.state_dict() | {f"connections.{k}": v for k, v in fresh.items()})
    assert torch.equal(before_the_norm(model, ids()), n * before_the_norm(plain, ids()))
    assert (model(ids()) - plain(ids())).abs().max() < 1e-4  # the norm's epsilon
    model.connections.sublayers[2].static.data[0] += 1e-3
    assert not torch.equal(before_the_norm(model, ids()), n * before_the_norm(plain, ids()))


@kinds
def test_hyper_connections_initial_vit_is_plain(kind: dict[str, bool]) -> None:
    sizes = {"layers": 2, "width": 32, "heads": 2, "num_classes": 7}
    model = build_model("vit_b16_dhc_x2", **sizes, hyper=kind).double().eval()
    plain = build_model("vit_s16", **sizes).double().eval()
    shapes = {key: tuple(value.shape) for key, value in plain.state_dict().items()}
    plain.load_state_dict(drawn_by_name(shapes))
    missing, left = model.load_state_dict(plain.state_dict(), strict=False)
    assert not left
    assert all(key.startswith("connections.") for key in missing)
    x = images(64)
    assert torch.equal(before_the_norm(model, x), 2 * before_the_norm(plain, x))


def test_hyper_connections_initial_read_slots_alternate() -> None:
    """A_m = e_{k mod n} of k = 1 ... 2 L (Alg. 1, Fig. 13: attention has the odd numbers)."""
    join = HyperConnections(4, 8, n=4)
    reading = [one.static.view(4, 6)[:, 1].argmax().item() for one in join.sublayers]
    assert reading == [k % 4 for k in range(1, 9)]


# Arrangements (Sec. 3)


def sublayers(count: int = 4) -> list[Any]:
    weights = torch.randn(
        count, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
    )
    return [lambda x, w=w: (x @ w / 3).tanh() for w in weights]


def test_hyper_connections_express_sequential_pre_norm() -> None:
    """Eqs. 15 and 17: x + T(x), one layer after the other."""
    fs, x = sublayers(), text()
    for f in fs:
        x = x + f(x)
    for n, hc in ((1, [[0, 1], [1, 1]]), (2, [[0, 1, 1], [1, 1, 0], [0, 0, 1]])):
        join = tables(HyperConnections(2, 8, n=n, dynamic=False), dict.fromkeys(range(1, 5), hc))
        close(join.collapse(through(join, text(), fs)), n * x)


def parallel(n: int, slot: Any) -> dict[int, Any]:
    """Eqs. 54 and 55 for four sublayers, whose later ones of a group have the `slot` of i."""
    weights = {}
    for k in range(1, 5):
        i = (k - 1) % n
        e = torch.eye(n)[slot(i)]
        hc = torch.zeros(n + 1, n + 1)
        hc[0, 1:] = torch.eye(n)[0] if i == 0 else e
        hc[1:, 0] = 1 if i == 0 else e
        hc[1:, 1:] = torch.ones(n, n) if i == 0 else torch.eye(n)
        weights[k] = hc.tolist()
    return weights


@pytest.mark.parametrize("n", [2, 4])
def test_hyper_connections_express_parallel_groups(n: int) -> None:
    """Eq. 53: the sum over a group of T(h) + h, which counts h n times; slots from 0. As printed,
    Eq. 55 has the first two of a group in one slot, and is not that (nor Eq. 19)."""
    fs, h = sublayers(), n * text()
    for group in range(0, 4, n):
        seen = h
        h = sum((f(seen) + seen for f in fs[group : group + n]), torch.zeros(()))
    for slot, right in ((lambda i: i, True), (lambda i: max(i - 1, 0), False)):
        join = tables(HyperConnections(2, 8, n=n, dynamic=False), parallel(n, slot))
        actual = join.collapse(through(join, text(), fs))
        assert ((actual - h).abs().max() < 1e-12) == right
    if n == 2:
        odd, even = [[0, 1, 0], [1, 1, 1], [1, 1, 1]], [[0, 0, 1], [0, 1, 0], [1, 0, 1]]
        assert parallel(2, lambda i: i) == {1: odd, 2: even, 3: odd, 4: even}  # Eqs. 18 and 19


def test_hyper_connections_express_post_norm() -> None:
    """Eqs. 16 and 37 to 41: Norm(h + T(h)), for vectors whose mean is 0."""

    class PostNorm(nn.Module):
        def forward(self, h: Tensor) -> Tensor:
            x, out = h[:, :, 0], centred(f(h[:, :, 0]))
            var = x.square().mean(-1) + out.square().mean(-1) + 2 * (x * out).mean(-1)
            a = var.rsqrt()[..., None, None]
            return torch.cat([a, torch.ones_like(a), a], -1)

    def centred(x: Tensor) -> Tensor:
        return x - x.mean(-1, keepdim=True)

    f, x = sublayers()[0], centred(text())
    join: Any = HyperConnections(1, 8, n=1)
    join.sublayers[0] = PostNorm()
    actual = through(join, x, [lambda x: centred(f(x))])[:, :, 0]
    close(actual, layer_norm(x + centred(f(x)), (8,), eps=0.0))


@rates
def test_hyper_connections_match_unfolded_form(n: int) -> None:
    """Eq. 27: h_0^k = sum over j < k of T^j B^j A_r^{j+1} ... A_r^{k-1} A_m^k; T^0 = h_0."""
    join = drawn(HyperConnections(2, 8, n=n, dynamic=False))
    seen: list[Tensor] = []
    outs = [text()]

    def watched(f: Any) -> Any:
        def sublayer(x: Tensor) -> Tensor:
            seen.append(x)
            outs.append(f(x))
            return outs[-1]

        return sublayer

    through(join, text(), [watched(f) for f in sublayers()])
    weights = [one.static.view(n, n + 2) for one in join.sublayers]
    for k in range(1, 5):
        expected = torch.zeros(())
        for j in range(k):
            row = weights[j - 1][:, 0] if j else torch.ones(n, dtype=torch.float64)
            for t in range(j + 1, k):
                row = row @ weights[t - 1][:, 2:]
            expected = expected + (row @ weights[k - 1][:, 1]) * outs[j]
        close(seen[k - 1], expected)
