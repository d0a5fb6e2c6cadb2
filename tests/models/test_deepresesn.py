"""Deep residual echo state networks: their authors' states, their special cases, their sizes."""

import json
from typing import Any

import pytest
import torch

import zoo
from tests.golden.record_reservoirs import (
    INPUTS,
    LAYERS,
    OUT,
    SKIPS,
    UNITS,
    layer_weights,
    mirror,
    series,
)
from zoo.models.deepresesn.model import DeepResESN
from zoo.modules.reservoir import RandomOrthogonal, Reservoir

GOLDEN = json.loads(OUT.read_text("utf-8"))["deepresesn"]


def fill(reservoir: Reservoir, c_in: int, offset: int) -> None:
    """Set the weights of the recorder."""
    for name, value in layer_weights(c_in, offset).items():
        getattr(reservoir, name).copy_(value)
    if isinstance(reservoir.skip, RandomOrthogonal):
        reservoir.skip.matrix.copy_(mirror(offset))


def recorded(skip: str) -> Any:
    network: Any = DeepResESN(inputs=INPUTS, units=UNITS, layers=LAYERS, skip=skip).double()
    for i, layer in enumerate(network.layers):
        fill(layer, UNITS if i else INPUTS, 10 * i)
    return network


@pytest.mark.parametrize("skip", SKIPS)
def test_states_equal_authors_code(skip: str) -> None:
    expected = torch.tensor(GOLDEN[skip], dtype=torch.float64)
    torch.testing.assert_close(recorded(skip).states(series()), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda network: setattr(network, "layers", network.layers[:2]),
        lambda network: [layer.alpha.mul_(1.01) for layer in network.layers],
        lambda network: [
            layer.recurrent.copy_(layer.recurrent.T.clone()) for layer in network.layers
        ],
        lambda network: network.layers[1].bias.neg_(),
    ],
    ids=["a layer less", "another alpha", "columns for rows", "another bias"],
)
@pytest.mark.parametrize("skip", SKIPS)
def test_states_of_wrong_network_are_others(skip: str, wrong: Any) -> None:
    """The golden numbers tell these apart."""
    network = recorded(skip)
    wrong(network)
    assert (network.states(series()) - torch.tensor(GOLDEN[skip])).abs().max() > 1e-3


def test_skips_give_different_states() -> None:
    first, second, third = (torch.tensor(GOLDEN[skip]) for skip in SKIPS)
    assert min((first - second).abs().max(), (second - third).abs().max()) > 0.01


def test_leaky_network_equals_the_formula_by_hand() -> None:
    """h_t = (1 - a) h_(t-1) + a tanh(h_(t-1) W + x_t V + b)."""
    torch.manual_seed(0)
    scales = {"alpha": 0.7, "beta": 0.3, "bias_scaling": 0.1}
    network: Any = zoo.create("leaky_esn", units=20, first=scales, dtype=torch.float64)
    x = torch.rand(1, 15, 1, dtype=torch.float64)
    layer, h = network.layers[0], torch.zeros(1, 20, dtype=torch.float64)
    for now in x.unbind(1):
        new = torch.tanh(h @ layer.recurrent + now @ layer.weight_in + layer.bias)
        h = 0.7 * h + 0.3 * new
    torch.testing.assert_close(network.states(x)[:, -1], h, rtol=1e-6, atol=1e-6)


def test_concatenated_layers_share_the_units() -> None:
    torch.manual_seed(0)
    network: Any = DeepResESN(units=11, layers=4, concatenate=True)
    assert [layer.units for layer in network.layers] == [5, 2, 2, 2]
    x = torch.rand(2, 6, 1)
    states = network.states(x)
    assert states.shape == (2, 6, 11)
    torch.testing.assert_close(states[..., :5], network.layers[0](x))
    torch.testing.assert_close(states[..., 5:7], network.layers[1](states[..., :5]))


def test_inner_scales_are_of_all_layers_but_the_first() -> None:
    scales = {"first": {"alpha": 0.1}, "inner": {"alpha": 0.9}}
    network: Any = DeepResESN(layers=3, **scales)
    assert [round(layer.alpha.item(), 4) for layer in network.layers] == [0.1, 0.9, 0.9]
    network = DeepResESN(layers=2, first={"alpha": 0.1})
    assert [round(layer.alpha.item(), 4) for layer in network.layers] == [0.1, 0.1]


def test_only_the_readout_has_parameters() -> None:
    network = DeepResESN(units=30, layers=3, outputs=2)
    assert {name for name, _ in network.named_parameters()} == {"readout.weight", "readout.bias"}
    assert sum(p.numel() for p in network.parameters()) == 2 * 31
    assert network.sizes == {"input_size": (1, 1)}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"skip": "skew"}, "a skip is one of random, cycle, identity, not 'skew'"),
        ({"layers": 0}, "layers and units are 1 or more"),
        ({"units": 2, "layers": 3, "concatenate": True}, "concatenated layers have a unit each"),
    ],
)
def test_impossible_arguments_are_refused(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DeepResESN(**args)


def test_network_exports_several_steps() -> None:
    network = zoo.create("deepresesn_r", units=8).eval()
    x = torch.rand(2, 5, 1)
    torch.testing.assert_close(torch.export.export(network, (x,)).module()(x), network(x))
