"""DeeperGCN: the authors' logits, PyTorch Geometric's layers, limits of aggregations, graphs."""

import json
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.golden.record_deeper_gcn import (
    CLASSES,
    COLUMNS,
    EDGES,
    LAYERS,
    NETWORKS,
    OUT,
    WIDTH,
    features,
    fill,
)
from zoo.models._builder import build_model, pretrained_cfg
from zoo.models.deeper_gcn import aggregation
from zoo.models.deeper_gcn.aggregation import PowerMean, Softmax
from zoo.models.deeper_gcn.convert import KEY_MAPPINGS
from zoo.models.deeper_gcn.convolution import Convolution, GENConv, MsgNorm
from zoo.models.deeper_gcn.model import DeeperGCN

GOLDEN = json.loads(OUT.read_text("utf-8"))


def conv_options(options: dict[str, Any]) -> dict[str, Any]:
    """Our options of a convolution, by those of the authors' code."""
    name, learned = options["gcn_aggr"], options.get("learn_t") or options.get("learn_p")
    norm = "learned" if options.get("learn_msg_scale") else "fixed"
    return {
        "aggregation": name.removesuffix("_sg"),
        "scale": options.get("p" if name == "power" else "t", 1.0),
        "learned": bool(learned),
        "message_norm": norm if options.get("msg_norm") else "",
        "mlp_layers": options["mlp_layers"],
        "norm": options["norm"],
    } | ({"scale": 1.0} if name == "max" else {})


def filled(name: str) -> Any:
    """A network of the recorder, with its weights."""
    options = NETWORKS[name]
    sizes = {"classes": CLASSES, "layers": LAYERS, "width": WIDTH, "conv": conv_options(options)}
    if name == "proteins":
        return fill(build_model("deepergcn_112_proteins", **sizes))
    return fill(DeeperGCN(columns=COLUMNS, block=options["block"], **sizes))


@torch.no_grad()
def outputs(name: str, change: Callable[[Any], object] = lambda network: None) -> Tensor:
    network = filled(name)
    change(network)
    x, edge_attr = features()
    if name == "proteins":
        return network(x, EDGES, edge_attr)
    return network(x, EDGES).log_softmax(1)


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_equal_authors_code(name: str) -> None:
    expected = torch.tensor(GOLDEN[name], dtype=torch.float64)
    torch.testing.assert_close(outputs(name), expected, rtol=1e-11, atol=1e-11)


def edges_turned(network: Any) -> None:
    network.register_forward_pre_hook(lambda module, args: (args[0], args[1].flip(0), *args[2:]))


def norm_of_own_layer(network: Any) -> None:
    network.norms = nn.ModuleList([network.norms[-1], *network.norms[:-1]])


def largest_message(network: Any) -> None:
    for conv in network.convs:
        conv.aggregate = Softmax(1e4, learned=False)


def other_scale(network: Any) -> None:
    for conv in network.convs:
        conv.aggregate.scale = 1.5


def post_activation(network: Any) -> None:
    network.block = "res"


@pytest.mark.parametrize(
    "change",
    [edges_turned, norm_of_own_layer, largest_message, other_scale, post_activation],
)
def test_outputs_of_wrong_network_are_others(change: Callable[[Any], object]) -> None:
    """The golden numbers tell these apart."""
    expected = torch.tensor(GOLDEN["arxiv"], dtype=torch.float64)
    assert (outputs("arxiv", change) - expected).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("deepergcn_28_arxiv", 491_176),
        ("deepergcn_14_products", 253_743),
        ("deepergcn_112_proteins", 2_374_568),
    ],
)
def test_params_are_those_of_the_authors_networks(name: str, params: int) -> None:
    network = build_model(name, device="meta")
    assert sum(p.numel() for p in network.parameters()) == params


MESSAGES = torch.rand(7, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 0.1
TARGET = torch.tensor([0, 0, 2, 2, 2, 3, 0])  # node 1 gets nothing


def by_hand(reduce: Callable[[Tensor], Tensor]) -> Tensor:
    """What `reduce` makes of the messages of each node; 0 without any."""
    rows = [MESSAGES[node == TARGET] for node in range(4)]
    return torch.stack([reduce(row) if len(row) else torch.zeros(2).double() for row in rows])


def softmax_of(row: Tensor) -> Tensor:
    return ((0.7 * row).softmax(0) * row).sum(0)


@pytest.mark.parametrize(
    ("aggregate", "reduce"),
    [
        (aggregation.add, lambda row: row.sum(0)),
        (aggregation.mean, lambda row: row.mean(0)),
        (aggregation.largest, lambda row: row.amax(0)),
        (Softmax(0.7, learned=True), softmax_of),
        (Softmax(0.7, learned=False), softmax_of),
        (Softmax(0.0, learned=False), lambda row: row.mean(0)),
        (Softmax(1e4, learned=False), lambda row: row.amax(0)),
        (PowerMean(1.0, learned=False), lambda row: row.mean(0)),
        (PowerMean(2.5, learned=True).double(), lambda row: (row**2.5).mean(0) ** (1 / 2.5)),
    ],
)
def test_aggregation_equals_formula(aggregate: Any, reduce: Callable[[Tensor], Tensor]) -> None:
    expected = by_hand(reduce)
    if isinstance(aggregate, PowerMean):  # as in the authors' code
        expected[1] = aggregation.LEAST ** (1 / torch.as_tensor(aggregate.scale).item())
    torch.testing.assert_close(aggregate(MESSAGES, TARGET, 4), expected)


def test_fixed_softmax_has_no_gradient_through_its_weights() -> None:
    grads = []
    for learned in (False, True):
        messages = MESSAGES.clone().requires_grad_()
        Softmax(0.7, learned=learned)(messages, TARGET, 4)[0].sum().backward()
        grads.append(messages.grad)
    assert grads[0] is not None
    torch.testing.assert_close(grads[0][[0, 1, 6]], (0.7 * MESSAGES[[0, 1, 6]]).softmax(0))
    assert not torch.allclose(grads[0], grads[1])


def test_message_norm_keeps_direction_and_takes_length_of_node() -> None:
    x, messages = torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 2.0]])
    torch.testing.assert_close(MsgNorm(learned=False)(x, messages), torch.tensor([[0.0, 5.0]]))
    assert not list(filter(lambda p: p.requires_grad, MsgNorm(learned=False).parameters()))


def test_numbering_of_nodes_changes_nothing() -> None:
    network, (x, _) = filled("arxiv"), features()
    order = torch.tensor([3, 0, 4, 1, 2])
    turned = network(x[order], order.argsort()[EDGES])
    torch.testing.assert_close(turned, network(x, EDGES)[order])


def test_no_edges_are_loops_of_single_nodes() -> None:
    network, (x, _) = filled("arxiv"), features()
    loops = torch.arange(5).repeat(2, 1)
    assert torch.equal(network(x), network(x, loops))
    torch.testing.assert_close(network(x)[1:2], network(x[1:2]))


def test_edges_without_features_have_zeros() -> None:
    network, (x, edge_attr) = filled("proteins"), features()
    assert torch.equal(network(x, EDGES), network(x, EDGES, torch.zeros_like(edge_attr)))


@pytest.mark.slow
def test_export_takes_any_graph() -> None:
    network, (x, _) = filled("arxiv, power"), features()
    network.convs = network.convs[:2]
    nodes, edges = torch.export.Dim("nodes", min=2), torch.export.Dim("edges", min=2)
    program = torch.export.export(network, (x, EDGES), dynamic_shapes=({0: nodes}, {1: edges}))
    few = EDGES[:, :3], x[:4]
    torch.testing.assert_close(program.module()(few[1], few[0]), network(few[1], few[0]))


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"block": "dense"}, r"block is one of res\+, res, plain, not 'dense'"),
        ({"layers": 0}, "columns, classes, layers and width are 1 or more"),
        ({"conv": {"aggregation": "median"}}, "'median' is none of softmax, power, mean, max, add"),
        ({"conv": {"message_norm": "yes"}}, "'yes' is none of fixed, learned"),
        ({"conv": {"norm": "group"}}, "'group' is none of batch, layer"),
        ({"conv": {"mlp_layers": 0}}, "mlp_layers is 1 or more, not 0"),
    ],
)
def test_options_that_are_unknown_raise(args: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        build_model("deepergcn_28_arxiv", **args)


def test_configuration_follows_arguments() -> None:
    cfg = pretrained_cfg(build_model("deepergcn_28_arxiv", device="meta", columns=9, classes=2))
    assert (cfg["input_size"], cfg["classes"]) == ((9,), 2)


@pytest.mark.parametrize(
    ("name", "mapping"), [("arxiv", KEY_MAPPINGS[1]), ("proteins", KEY_MAPPINGS[2])]
)
def test_keys_go_there_and_back(name: str, mapping: Any) -> None:
    state = filled(name).state_dict()
    theirs = mapping.from_zoo(state)
    assert list(mapping.to_zoo(theirs)) == list(state)
    assert {"gcns", "node_pred_linear"} < {key.partition(".")[0] for key in theirs}


@pytest.fixture(scope="module")
def geometric() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("torch_geometric.nn", reason="needs the parity group")


AGGREGATIONS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"aggregation": "softmax", "scale": 0.5, "learned": True},
        {"aggr": "softmax", "t": 0.5, "learn_t": True},
    ),
    ({"aggregation": "softmax", "scale": 0.5}, {"aggr": "softmax_sg", "t": 0.5}),
    (
        {"aggregation": "power", "scale": 2.0, "learned": True},
        {"aggr": "power", "p": 2.0, "learn_p": True},
    ),
    (
        {"aggregation": "mean", "message_norm": "learned"},
        {"aggr": "mean", "msg_norm": True, "learn_msg_scale": True},
    ),
    ({"aggregation": "max", "norm": "layer", "edges": True}, {"aggr": "max", "norm": "layer"}),
]


@pytest.mark.slow
@pytest.mark.parametrize("block", ["res+", "res", "plain"])
@pytest.mark.parametrize(("options", "theirs"), AGGREGATIONS)
def test_block_equals_pytorch_geometric(
    geometric: Any, options: dict[str, Any], theirs: dict[str, Any], block: str
) -> None:
    """GENConv and DeepGCNLayer: outputs and gradients in float64, with random statistics."""
    torch.manual_seed(0)
    ours: Any = GENConv(6, Convolution(**options))
    other = geometric.GENConv(6, 6, bias=True, **theirs)
    norm = nn.BatchNorm1d(6)
    norm.running_mean, norm.running_var = torch.randn(6), torch.rand(6) + 0.5
    copy_mlp(ours.mlp, other.mlp)
    if options["aggregation"] == "power":  # it has other limits than the authors' code
        other.aggr_module.min_value, other.aggr_module.max_value = aggregation.LEAST, 10.0
    layer = geometric.DeepGCNLayer(other, norm, nn.ReLU(), block=block).double().eval()
    network = DeeperGCN(columns=6, classes=6, layers=2, width=6, block=block, drop_rate=0.0)
    network.convs, network.norms = nn.ModuleList([ours, ours]), nn.ModuleList([norm, norm])
    network.head = network.encoder = nn.Identity()
    network.double().eval()
    x = torch.randn(5, 6, dtype=torch.float64)
    edges = torch.randn(EDGES.shape[1], 6, dtype=torch.float64) if options.get("edges") else None
    their_edges = ours.edge_encoder(edges) if edges is not None else None
    if block == "res+":
        h = layer(other(x, EDGES, their_edges), EDGES, their_edges)
        expected = norm(h).relu()
        actual = network.pre_activated(x, EDGES, edges)
    else:
        first = geometric.DeepGCNLayer(other, norm, nn.ReLU(), block="plain").double().eval()
        expected = layer(first(x, EDGES, their_edges), EDGES, their_edges)
        actual = network.post_activated(x, EDGES, edges)
    torch.testing.assert_close(actual, expected, rtol=1e-12, atol=1e-12)


def copy_mlp(ours: nn.Sequential, theirs: nn.Sequential) -> None:
    """Give PyTorch Geometric's MLP the weights of ours, and both random statistics."""
    layers = [[layer for layer in mlp if layer.state_dict()] for mlp in (ours, theirs)]
    for layer, other in zip(*layers, strict=True):
        if not isinstance(layer, nn.Linear):
            for value in layer.state_dict().values():
                if value.is_floating_point():
                    nn.init.uniform_(value, 0.5, 1.5)
        other.load_state_dict(layer.state_dict())
