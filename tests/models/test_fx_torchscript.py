"""Every classifier is one graph to torch.fx and to TorchScript, as timm's own networks are.

values of every class with a small network    operations of every name, without values

Two things cannot be traced, and say so: FractalNet's drop-path, drawn anew in every training step,
and the adaptive steps of Neural ODE, which are chosen by values.
"""

from typing import Any

import pytest
import torch
from timm.models import FeatureGraphNet
from torch import Tensor, fx, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from tests.conftest import backbone, one_of_a_kind, options_of
from tests.models.test_all_behaviour import (
    BY_SIZE,
    LARGE,
    NARROW,
    SIZES,
    equal,
    example,
    family_of,
    real,
    train,
)
from tests.models.test_all_classifier_contract import (
    ARGUMENTS,
    BY_DEPTH,
    ENTRIES,
    blank,
    sketch,
    slow,
)
from zoo.modules.graphs import graph_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:`torch.jit.*` is (deprecated|not supported):FutureWarning"),
    pytest.mark.filterwarnings("ignore:The TorchScript type system:UserWarning"),
]


FAST = [target for target in BY_SIZE if SIZES[target] < LARGE]
every_class = pytest.mark.parametrize("target", one_of_a_kind(FAST, backbone, family_of))


def kept(model: nn.Module) -> dict[str, Tensor]:
    """The state without LiResNet's vectors, which its norms read, and no forward pass."""
    return {key: value for key, value in model.state_dict().items() if not key.endswith(".vector")}


@every_class
def test_fx_graph_of_every_class_equals_network(target: str) -> None:
    """By torch's own tracer; features by timm's, from the modules that feature_info names."""
    model, x = real(target), example(target)
    graph = fx.symbolic_trace(model)
    with torch.inference_mode():
        assert torch.equal(graph(x), model(x))
        features = model.forward_intermediates(x, intermediates_only=True)
        equal(FeatureGraphNet(model, tuple(range(len(features))))(x), features)
    assert set(graph.state_dict()) == set(kept(model))


@every_class
def test_torchscript_of_every_class_equals_network(target: str) -> None:
    """Compiled while it trains: what is drawn, and the mode, are not part of the graph."""
    rates = {"drop_rate": 0.5, "drop_path_rate": 0.5}
    if family_of(target) == "fractalnet":
        del rates["drop_path_rate"]
    args = {key: rate for key, rate in rates.items() if key in ARGUMENTS[target]}
    model, x = train(real(target, **args)), example(target)
    compiled = torch.jit.script(model)
    outputs = []
    for network in (compiled, model):
        torch.manual_seed(0)
        outputs.append(network(x))
    assert torch.equal(*outputs)
    compiled.eval()
    model.eval()
    assert torch.equal(compiled(x), model(x))
    assert not torch.equal(model(x), outputs[0])
    weights, expected = compiled.state_dict(), kept(model)
    assert weights.keys() == expected.keys()
    assert all(weights[key].data_ptr() == expected[key].data_ptr() for key in expected)


class Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records every operation and its arguments; tensors are numbered as they appear."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: list[Any] = []
        self.tensors: dict[int, tuple[int, Tensor]] = {}

    def number(self, x: Tensor) -> int:
        return self.tensors.setdefault(id(x), (len(self.tensors), x))[0]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        self.seen.append((func, tree_map_only(Tensor, self.number, [args, kwargs, output])))
        return output


def operations(model: nn.Module, x: Tensor) -> list[Any]:
    with Operations() as operations:
        model(x)
    return operations.seen


def kind(graph: fx.GraphModule) -> frozenset[Any]:
    """Return the functions, methods and types of modules that a graph calls, however often."""
    return frozenset(
        type(graph.get_submodule(node.target)) if node.op == "call_module" else node.target
        for node in graph.graph.nodes
        if node.op.startswith("call_")
    )


compared: set[frozenset[Any]] = set()  # kinds


@slow
@pytest.mark.parametrize("name", {options_of(n): n for n in reversed(BY_DEPTH)}.values())
def test_fx_graph_of_all_options_runs_same_operations(name: str) -> None:
    """The same operations on the same tensors have the same output, whatever the weights.

    A network of a kind that was compared before is traced alone; names that differ by numbers are
    one.
    """
    has_solver = "solver" in ARGUMENTS[ENTRIES[name].target]
    args = {"solver": NARROW["solver"]} if has_solver else {}
    model, x = sketch(name, **args), blank(name)
    graph = graph_of(model)
    if kind(graph) not in compared:
        compared.add(kind(graph))
        assert operations(graph, x) == operations(model, x)
        torch.jit.script(model)


def test_fractalnet_drop_path_refuses_tracing_in_training() -> None:
    model = sketch("fractalnet20", drop_path_rate=0.15).train()
    for trace in (fx.symbolic_trace, torch.jit.script):
        with pytest.raises(ValueError, match="trace it in eval mode"):
            trace(model)
