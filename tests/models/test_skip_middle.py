"""Skipping the middle layers (2506.21103): the authors' logits and gates, and what is not computed.

In float64, with drawn weights. Logits and gates of the authors' code: golden/skip_middle.json.
"""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.golden.fill import drawn_by_name
from tests.models.test_all_language_models import exact, ids, small
from zoo.models._builder import build_model
from zoo.models.skip_middle.control import GateControl
from zoo.models.skip_middle.convert import KEY_MAPPINGS, halves, neighbours, renames
from zoo.modules.token_skipping import computed_share
from zoo.training.language_modeling import PenalisedNextToken

FILE = Path(__file__).parents[1] / "golden" / "skip_middle.json"
NETS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))["nets"]
skip_middle = partial(small, "zoo.models.skip_middle.model:SkipMiddle")
both = pytest.mark.parametrize("gated_attention", [False, True])


def authors(name: str, **args: Any) -> Any:
    """The network with the weights that the authors' code had, by its keys."""
    net = NETS[name]
    state = drawn_by_name({key: tuple(shape) for key, shape in net["shapes"].items()})
    model = skip_middle(hidden=128, **net["args"], **args)
    renamed = {}
    for key, value in state.items():
        weights = halves(value, 16) if key.endswith(("wq.weight", "wk.weight")) else value
        renamed[key] = weights * (0.5 if key.startswith("masks.") else 1)
    plan = KEY_MAPPINGS[1].plan_to_zoo(renamed)
    model.load_state_dict({plan.renamed[key]: value for key, value in renamed.items()})
    return model


def closed(model: Any, layer: int, tokens: slice = slice(None)) -> Any:
    """Close the gate of some tokens from a layer on, and open all others."""
    for gate in model.connections.gates:
        gate.weight.data.zero_()
        gate.bias.data.fill_(-1.0)

    def close(module: Any, inputs: Any, output: Tensor) -> Tensor:
        output = output.clone()
        output[:, tokens] = 2.0
        return output

    model.connections.gates[layer].register_forward_hook(close)
    return model


@pytest.mark.parametrize("name", NETS)
def test_skip_middle_matches_authors_logits_and_gates(name: str) -> None:
    """Their rotary tables are rounded to float32, as the zoo's are."""
    net = NETS[name]
    logits, stream = authors(name).forward_stream(ids())
    gates = authors(name).connections.all_gates(stream)
    torch.testing.assert_close(logits[:, [7, 11]].detach(), torch.tensor(net["logits"]).double())
    expected = torch.tensor(net["gates"], dtype=torch.float64).reshape(gates.shape)
    torch.testing.assert_close(gates.detach(), expected)
    if name == "gated":
        for kind in (gates == 0, gates == 1, (gates > 0) & (gates < 1)):
            assert kind.sum() >= 8


def test_released_gate_of_attention_cancels_in_the_softmax() -> None:
    """Contradiction gate-cancels: on a query's row log g is a constant, on a key's column not."""
    released, gated = authors("gated"), authors("gated", gated_attention=True)
    whole = released(ids())
    assert torch.equal(whole, released(ids()))
    assert (gated(ids()) - whole).abs().max() > 0.1
    attention = released.layers[0].attention
    q, k, v = (torch.randn(1, 2, 6, 16, dtype=torch.float64) for _ in range(3))
    gate = torch.linspace(0.1, 1, 6, dtype=torch.float64).log()
    attend = partial(attention.attend, q, k, v, causal=False)
    plain = attend(mask=None)
    torch.testing.assert_close(attend(mask=gate[None, None, :, None].expand(1, 1, 6, 6)), plain)
    assert (attend(mask=gate[None, None, None].expand(1, 1, 6, 6)) - plain).abs().max() > 1e-2


def test_hub_call_of_the_authors_is_not_causal() -> None:
    """Contradiction hub-not-causal: `inference=True` makes a mask of the number of texts."""
    for net in NETS.values():
        assert net["leak"]["false"] == 0
        assert net["leak"]["true"] > 1


@both
def test_later_tokens_see_a_skipped_token_only_as_released(gated_attention: bool) -> None:
    """Abstract: subsequent tokens do not attend to skipped positions."""
    model = closed(skip_middle(layers=4, gated_attention=gated_attention), 0, slice(3, 4))
    text, other = ids(), ids()
    other[:, 3] += 1
    before, after = model(text), model(other)
    assert (after - before)[:, 3].abs().min() > 0
    assert ((after - before)[:, 4:].abs().max() < 1e-12) == gated_attention


@both
@pytest.mark.parametrize("layers", [4, 5])
def test_skipping_leaves_the_logits_with_cache_and_padding(
    gated_attention: bool, layers: int
) -> None:
    model = skip_middle(layers=layers, gated_attention=gated_attention)
    text = ids()
    whole, padded = model(text), torch.cat([torch.full((2, 2), 7), text], 1)
    model.set_skipping()
    torch.testing.assert_close(model(text), whole, **exact)
    cache = model.cache(2, 14, torch.tensor([2, 2]))
    with torch.inference_mode():
        actual = torch.cat([model(part, cache) for part in padded.split([6, 1, 1, 4, 2], 1)], 1)
    torch.testing.assert_close(actual[:, 2:], whole, **exact)


@both
def test_computed_share_counts_what_is_really_called(gated_attention: bool) -> None:
    """All skip the two layers in the middle: with gates on keys nothing of them is computed."""
    model = closed(skip_middle(layers=4, gated_attention=gated_attention).eval(), 1)
    shorter = skip_middle(layers=2, gated_attention=gated_attention).eval()
    ends = {0: 0, 3: 1}
    for old, new in ends.items():
        shorter.layers[new].load_state_dict(model.layers[old].state_dict())
    for name in ("tok_embeddings", "norm", "output", "connections.norm", "connections.gates.0"):
        module = model.get_submodule(name)
        shorter.get_submodule(name).load_state_dict(module.state_dict())
    torch.testing.assert_close(model(ids()), shorter(ids()), **exact)

    def macs(width: int = 32, hidden: int = 256, vocab: int = 53, tokens: int = 12) -> list[int]:
        a_layer = tokens * (4 * width**2 + 3 * width * hidden + 2 * tokens * width)
        rest = tokens * (vocab * width + 2 * width)  # two gates
        keys = 0 if gated_attention else 2 * 2 * tokens * width**2
        return [2 * a_layer + rest + keys, 4 * a_layer + rest]

    computed, whole = macs()
    assert computed_share(model, ids()) == pytest.approx(computed / whole, rel=1e-12)


def test_dense_init_is_dense_and_its_gates_get_no_gradient() -> None:
    """Contradiction dead-gates: ReLU has no gradient at 0."""
    for args, moves in (({"dense_init": True}, False), ({}, True)):
        torch.manual_seed(0)
        model = build_model("skip_middle_nano", layers=4, **args)
        logits, stream = model.forward_stream(ids())  # type: ignore[operator]
        logits.square().sum().backward()
        grads = [gate.weight.grad.abs().max() for gate in model.connections.gates]  # type: ignore[union-attr]
        assert all(grad > 0 for grad in grads) == moves
        assert any(grad > 0 for grad in grads) == moves
        assert all(bool((gate == 1).all()) for gate in stream.gates) != moves


def test_gate_control_pushes_gates_to_their_targets() -> None:
    """By hand after a step: a_l += rate (mean - target), unless that is below the tolerance."""
    torch.manual_seed(0)
    network: Any = build_model("skip_middle_nano", layers=4, width=16, heads=2, hidden=16)
    run = GateControl(network, middle=0.25, rate=0.1)
    assert run.targets[0].tolist() == [1.0, 0.25, 0.25, 1.0]
    optimizer = torch.optim.AdamW(run.parameters(), lr=0.02)
    objective, text = PenalisedNextToken(), ids(4, 16)
    means, penalties = [], []
    for _ in range(20):
        logits, penalty = run(text[:, :-1])
        gates = network.connections.all_gates(network.forward_stream(text[:, :-1])[1])
        means.append(gates.mean((1, 2)).detach())
        penalties.append(penalty.item())
        if len(means) == 1:
            expected = 0.1 * (means[0] - run.targets[0])
            expected[expected.abs() < 0.001] = 0
            torch.testing.assert_close(run.coefficients[0], expected)
        optimizer.zero_grad()
        objective.loss((logits, penalty), text[:, 1:]).backward()
        optimizer.step()
    assert penalties[0] == 0
    assert penalties[1] != 0
    assert means[-1][1] < means[0][1] - 0.1
    assert means[-1][1] < means[-1][0] - 0.1
    before = run.coefficients
    run.eval()(text)
    assert run.coefficients is before


def test_key_mapping_turns_neighbours_into_halves_and_back() -> None:
    matrix = torch.arange(128.0)[:, None].expand(-1, 2)
    assert halves(matrix, 64)[:3, 0].tolist() == [0, 2, 4]
    assert torch.equal(neighbours(halves(matrix, 64), 64), matrix)
    assert len(renames("model.")) == 6
