"""The residual stream of a decoder takes the connections of other papers, in a few lines each.

They are not networks of the zoo; they show that the next papers need no other backbone.
"""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.models.test_all_language_models import ids, small
from zoo.models.muddformer.mudd import Sources, Sum, wsum
from zoo.modules.connections import ResidualStream, Sublayer
from zoo.modules.depth_weighted import DepthWeightedAverage

DECODERS = [
    "zoo.models.gpt2.model:GPT2",
    "zoo.models.transformer_pp.model:TransformerPP",
    "zoo.models.pythia.model:Pythia",
]


class HyperConnections(ResidualStream):
    """n copies of the stream, mixed before and after each sublayer (2409.19606), static."""

    n = 2

    def __init__(self, layers: int, width: int) -> None:
        super().__init__(layers, width)
        count = 2 * layers
        reading = torch.eye(self.n)[torch.arange(count) % self.n]
        self.reading = nn.Parameter(reading)  # A_m
        self.mixing = nn.Parameter(torch.eye(self.n).repeat(count, 1, 1))  # A_r
        self.writing = nn.Parameter(torch.ones(count, self.n))  # B

    def expand(self, x: Tensor) -> Tensor:
        return x.expand(self.n, *x.shape)

    def place(self, sublayer: Sublayer) -> int:
        return 2 * sublayer.layer + (not sublayer.is_attention)

    def read(self, sublayer: Sublayer, stream: Tensor) -> tuple[Tensor, Any]:
        k = self.place(sublayer)
        x = torch.einsum("n,nbtd->btd", self.reading[k], stream)
        return x, torch.einsum("mn,mbtd->nbtd", self.mixing[k], stream)

    def write(self, sublayer: Sublayer, stream: Any, residual: Tensor, out: Tensor) -> Tensor:
        return residual + self.writing[self.place(sublayer)].view(-1, 1, 1, 1) * out

    def collapse(self, stream: Tensor) -> Tensor:
        return stream.mean(0)


class ValueResidual(ResidualStream):
    """Half of every layer's values are those of the first layer (2410.17897)."""

    share = 0.5

    def expand(self, x: Tensor) -> Any:
        return x, None

    def read(self, sublayer: Sublayer, stream: Any) -> tuple[Tensor, Any]:
        return stream[0], stream[0]

    def mix_values(self, sublayer: Sublayer, stream: Any, v: Tensor) -> tuple[Tensor, Any]:
        x, first = stream
        if first is None:
            return v, (x, v)
        return (1 - self.share) * v + self.share * first, stream

    def write(self, sublayer: Sublayer, stream: Any, residual: Tensor, out: Tensor) -> Any:
        return residual + out, stream[1]

    def collapse(self, stream: Any) -> Tensor:
        return stream[0]


class SharedValues(ResidualStream):
    """All layers attend to the values of the first, and project none (2410.17897)."""

    def value_layer(self, layer: int) -> int:
        return 0

    def expand(self, x: Tensor) -> Any:
        return x, None

    def read(self, sublayer: Sublayer, stream: Any) -> tuple[Tensor, Any]:
        return stream[0], stream[0]

    def mix_values(self, sublayer: Sublayer, stream: Any, v: Tensor) -> tuple[Tensor, Any]:
        return v, (stream[0], v)

    def shared_values(self, sublayer: Sublayer, stream: Any) -> Tensor:
        return stream[1]

    def write(self, sublayer: Sublayer, stream: Any, residual: Tensor, out: Tensor) -> Any:
        return residual + out, stream[1]

    def collapse(self, stream: Any) -> Tensor:
        return stream[0]


class Orthogonal(ResidualStream):
    """Only what is orthogonal to the stream is added (2505.11881), feature by feature."""

    def write(self, sublayer: Sublayer, stream: Any, residual: Tensor, out: Tensor) -> Tensor:
        along = (out * residual).sum(-1, keepdim=True) / residual.square().sum(-1, keepdim=True)
        added = out - along * residual
        assert (added * residual).sum(-1).abs().max() < 1e-10
        return residual + added


class Ladder(ResidualStream):
    """A sublayer sees the stream without what the one before it gave (2501.06589)."""

    def expand(self, x: Tensor) -> Any:
        return x, torch.zeros_like(x)

    def read(self, sublayer: Sublayer, stream: Any) -> tuple[Tensor, Any]:
        return stream[0], stream

    def write(self, sublayer: Sublayer, stream: Any, residual: Any, out: Tensor) -> Any:
        return residual[0] + residual[1], out

    def collapse(self, stream: Any) -> Tensor:
        return stream[0] + stream[1]


PLAIN_AT_FIRST = [DepthWeightedAverage, HyperConnections]
OTHERS = [ValueResidual, Orthogonal, Ladder]
exact = {"rtol": 0, "atol": 1e-12}


def joined(target: str, connections: Any) -> tuple[Any, Any]:
    """(with the connections, plain): the same weights, but for those of the connections."""
    plain = small(target)
    model = small(target, connections=connections)
    fresh = connections(3, 32).double().state_dict()
    mine = {f"connections.{k}": v for k, v in fresh.items()}
    model.load_state_dict(plain.state_dict() | mine)
    return model, plain


@pytest.mark.parametrize("target", DECODERS)
def test_residual_stream_shared_values_match_first_layer(target: str) -> None:
    """The same values, projected by the first layer alone, and kept once."""
    model = small(target, connections=SharedValues)
    plain = small(target, connections=first_values())
    state = plain.state_dict()
    for name, weights in model.state_dict().items():
        like = state[name.replace("wqk.", "wqkv.")]
        state[name.replace("wqk.", "wqkv.")] = torch.cat([weights, like[len(weights) :]])
    plain.load_state_dict(state)
    torch.testing.assert_close(model(ids()), plain(ids()), **exact)
    assert not any(block.attention.values for block in model.layers[1:])
    assert [len(net.cache(2, 12).values) for net in (model, plain)] == [1, 3]
    with torch.inference_mode():
        cache = model.cache(2, 12)
        parts = [model(ids()[:, i : i + 4], cache) for i in (0, 4, 8)]
    torch.testing.assert_close(torch.cat(parts, 1), model(ids()), **exact)
    model.train().set_grad_checkpointing()
    model(ids()).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def first_values() -> Any:
    """SharedValues, but every layer projects values of its own, and nobody looks at them."""
    changed = {"value_layer": ResidualStream.value_layer, "mix_values": keep_the_first}
    return type("FirstValues", (SharedValues,), changed)


def keep_the_first(_: Any, sublayer: Sublayer, stream: Any, v: Tensor) -> tuple[Tensor, Any]:
    first = v if stream[1] is None else stream[1]
    return first, (stream[0], first)


@pytest.mark.parametrize("target", DECODERS)
@pytest.mark.parametrize("connections", PLAIN_AT_FIRST)
def test_residual_stream_initial_weights_match_plain_decoder(target: str, connections: Any) -> None:
    model, plain = joined(target, connections)
    torch.testing.assert_close(model(ids()), plain(ids()), **exact)
    for parameter in model.connections.parameters():
        parameter.data.add_(0.1)
    assert (model(ids()) - plain(ids())).abs().max() > 1e-3


@pytest.mark.parametrize("target", DECODERS)
@pytest.mark.parametrize("connections", [*PLAIN_AT_FIRST, *OTHERS])
def test_residual_stream_decodes_from_cache_and_trains(target: str, connections: Any) -> None:
    model, plain = joined(target, connections)
    if connections in OTHERS:
        assert (model(ids()) - plain(ids())).abs().max() > 1e-3
    cache = model.cache(2, 12)
    with torch.inference_mode():
        parts = [
            model(ids()[:, :5], cache),
            *(model(ids()[:, i : i + 1], cache) for i in range(5, 12)),
        ]
    torch.testing.assert_close(torch.cat(parts, 1), model(ids()), **exact)
    model.train().set_grad_checkpointing()
    model(ids()).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_value_residual_zero_share_matches_plain_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ValueResidual, "share", 0.0)
    model, plain = joined(DECODERS[0], ValueResidual)
    torch.testing.assert_close(model(ids()), plain(ids()), **exact)


def test_wsum_value_and_gradient_match_explicit_sum() -> None:
    """Eq. 5, and its gradients, against a sum term by term; side by side, and in pieces."""
    generator = torch.Generator().manual_seed(0)
    sizes = [(2, 3, 4, 5), *[(2, 3, 6)] * 5]
    weights, *xs = (
        torch.randn(size, generator=generator, dtype=torch.float64, requires_grad=True)
        for size in sizes
    )
    actual = wsum(weights, Sources(tuple(xs), size=5))
    for c, way in enumerate(actual.unbind(2)):
        expected = sum(weights[:, :, c, j, None] * x for j, x in enumerate(xs))
        torch.testing.assert_close(way, expected, **exact)
    assert torch.autograd.gradcheck(Sum.apply, (weights, *xs))
    stacked, sums = (torch.empty(6, n, 6, dtype=torch.float64) for n in (7, 4))
    sources = Sources(stacked=stacked, sums=sums)
    with torch.no_grad():
        for x in xs:
            sources = sources.add(x)
        torch.testing.assert_close(wsum(weights, sources), actual, **exact)
