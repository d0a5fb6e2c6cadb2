"""DC-Bi-LSTM: the authors' outputs, torch's LSTM on packed sentences, counts, padding."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tests.golden.record_dc_bi_lstm import (
    CLASSES,
    IDS,
    LAST,
    LAYERS,
    OUT,
    VECTOR,
    WIDTH,
    WORDS,
    cell,
    head,
    vectors,
)
from zoo.models._builder import build_model
from zoo.models.dc_bi_lstm.formulas import weights
from zoo.models.dc_bi_lstm.model import BiLSTM, DCBiLSTM, Direction
from zoo.papers.records import Claim

GOLDEN = json.loads(OUT.read_text("utf-8"))
SIZES: dict[str, Any] = {"vocab": WORDS, "layers": LAYERS, "width": WIDTH, "last_width": LAST}
TORCH_ORDER = [0, 2, 1, 3]  # TensorFlow's gates are i, g, f, o


def load_cell(direction: Direction, kernel: Any, bias: Any) -> None:
    """Give a direction TensorFlow's weights, whose forget gate has 1 added at each step."""
    gates = torch.from_numpy(kernel).chunk(4, 1), torch.from_numpy(bias).chunk(4)
    columns, biases = ([parts[i] for i in TORCH_ORDER] for parts in gates)
    whole = torch.cat(columns, 1).T
    biases[1] = biases[1] + 1
    direction.weight_ih.data = whole[:, : direction.input_size]
    direction.weight_hh.data = whole[:, direction.input_size :]
    direction.bias_ih.data = torch.cat(biases)
    direction.bias_hh.data.zero_()


def authors_network() -> Any:
    """The network of the recorder, with its weights."""
    network: Any = DCBiLSTM(**SIZES, classes=CLASSES, reads_padding=True).double().eval()
    network.embedding.weight.data = torch.from_numpy(vectors())
    for layer, both in enumerate(network.layers):
        for is_back, direction in enumerate((both.ahead, both.back)):
            sizes = direction.input_size, direction.hidden_size
            load_cell(direction, *cell(layer, bool(is_back), *sizes))
    weight, bias = map(torch.from_numpy, head())
    network.head.weight.data, network.head.bias.data = weight.T, bias
    return network


@torch.no_grad()
def log_probabilities(network: nn.Module) -> Tensor:
    return network(torch.tensor(IDS)).log_softmax(1)


def test_outputs_equal_authors_code() -> None:
    expected = torch.tensor(GOLDEN["log_probabilities"], dtype=torch.float64)
    actual = log_probabilities(authors_network())
    tolerance = 2e-9  # the authors add 1e-9 to the number of words, which they divide by
    torch.testing.assert_close(actual, expected, rtol=tolerance, atol=tolerance)


def forget_bias_of_0(network: Any) -> None:
    for layer in network.layers:
        for direction in (layer.ahead, layer.back):
            direction.bias_ih.data.chunk(4)[1].sub_(1)


def newest_layer_first(network: Any) -> None:
    for i, layer in enumerate(network.layers):
        for direction in (layer.ahead, layer.back):
            weight = direction.weight_ih.data
            parts = weight.split([VECTOR] + [2 * WIDTH] * i, 1)
            direction.weight_ih.data = torch.cat(parts[::-1], 1)


def directions_swapped(network: Any) -> None:
    for layer in network.layers:
        layer.ahead, layer.back = layer.back, layer.ahead


def padding_unread(network: Any) -> None:
    network.reads_padding = False


@pytest.mark.parametrize(
    "change", [forget_bias_of_0, newest_layer_first, directions_swapped, padding_unread]
)
def test_outputs_of_wrong_network_are_others(change: Callable[[Any], object]) -> None:
    """The golden numbers tell these apart."""
    network = authors_network()
    change(network)
    expected = torch.tensor(GOLDEN["log_probabilities"], dtype=torch.float64)
    assert (log_probabilities(network) - expected).abs().max() > 1e-3


def drawn(**args: Any) -> Any:
    """A network whose weights are all drawn, in float64."""
    network = DCBiLSTM(**{**SIZES, **args}).double().eval()
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.3, generator=generator)
    return network


def packed(layer: BiLSTM, x: Tensor, lengths: Tensor) -> Tensor:
    """A layer by torch's own LSTM on packed sentences, which leave padding out."""
    width = layer.ahead.hidden_size
    oracle = nn.LSTM(x.shape[2], width, bidirectional=True, batch_first=True).double()
    state = {f"{key}_l0": value for key, value in layer.ahead.state_dict().items()}
    state |= {f"{key}_l0_reverse": value for key, value in layer.back.state_dict().items()}
    oracle.load_state_dict(state)
    sequence = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(oracle(sequence)[0], batch_first=True)[0]


@pytest.mark.parametrize("dense", [True, False])
@torch.no_grad()
def test_network_equals_torch_lstm_on_packed_sentences(dense: bool) -> None:
    network, ids = drawn(dense=dense), torch.tensor(IDS[:3])
    lengths = (ids != 0).sum(1)
    x = network.embedding(ids)
    for layer in network.layers:
        h = packed(layer, x, lengths)
        x = torch.cat((x, h), -1) if dense else h
    expected = network.head(h.sum(1) / lengths[:, None])
    torch.testing.assert_close(network(ids), expected, rtol=1e-12, atol=1e-12)


@torch.no_grad()
def test_padding_changes_nothing_unless_it_is_read() -> None:
    ids = torch.tensor(IDS)
    for reads_padding in (False, True):
        network = drawn(reads_padding=reads_padding)
        moved = (network(nn.functional.pad(ids, (0, 3))) - network(ids)).abs().max()
        alone = (network(ids[1:2, :4]) - network(ids)[1:2]).abs().max()
        assert (moved > 1e-3) == (alone > 1e-3) == reads_padding
        assert reads_padding or max(moved, alone) < 1e-14
    assert torch.equal(network(ids)[3], network.head.bias)  # no word is known


@torch.no_grad()
def test_dense_network_without_older_columns_is_stacked() -> None:
    dense, stacked = drawn(), DCBiLSTM(**SIZES, dense=False).double().eval()
    state = dense.state_dict()
    for i, layer in enumerate(dense.layers):
        last = VECTOR if i == 0 else 2 * WIDTH
        for name, direction in layer.named_children():
            direction.weight_ih[:, :-last] = 0
            key = f"layers.{i}.{name}.weight_ih"
            state[key] = state[key][:, -last:]
    stacked.load_state_dict(state)
    ids = torch.tensor(IDS)
    torch.testing.assert_close(dense(ids), stacked(ids), rtol=1e-12, atol=1e-12)


def test_layers_have_the_same_parameters_at_every_depth() -> None:
    counts = {}
    for layers in (0, 5, 10, 15, 20):
        name = f"dc_bi_lstm_{layers}" if layers else "bi_lstm"
        network: Any = build_model(name, device="meta")
        assert len(network.layers) == layers + 1
        counts[layers] = sum(p.numel() for p in network.layers.parameters())
    assert counts.pop(15) == 1_408_920
    assert set(counts.values()) == {1_444_800}
    for layers in (5, 15):
        stacked: Any = build_model(f"stacked_bi_lstm_{layers}", device="meta").layers
        assert 0.98 * 1_444_800 < sum(p.numel() for p in stacked.parameters()) <= 1_444_800


def test_formula_counts_what_the_authors_code_prints() -> None:
    claim = Claim(kind="counted", model="dc_bi_lstm_15", metric="params", where="code")
    by_formula, built = weights(claim)
    assert by_formula == built
    assert f"all {built / 1e6:.4f}M" in GOLDEN["printed"]


def test_fresh_values_are_those_of_tensorflow() -> None:
    torch.manual_seed(0)
    direction = Direction(30, 10)
    bound = (6 / 80) ** 0.5  # of a kernel (30 + 10, 4 * 10)
    values = torch.cat((direction.weight_ih.flatten(), direction.weight_hh.flatten())).abs()
    assert 0.98 * bound < values.max() <= bound
    assert direction.bias_ih.tolist() == [0.0] * 10 + [1.0] * 10 + [0.0] * 20
    assert not direction.bias_hh.any()
    network = DCBiLSTM(**SIZES)
    assert not network.embedding.weight[0].any()
    assert 0.009 < network.embedding.weight.abs().max() <= 0.01 >= network.head.weight.abs().max()


@pytest.mark.parametrize("args", [{"vocab": 1}, {"classes": 1}, {"layers": -1}, {"width": 0}])
def test_sizes_out_of_range_raise(args: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="vocab and classes are 2 or more, layers 0 or more"):
        DCBiLSTM(**args)  # type: ignore[arg-type]
