"""tests/battery over a name of each family (slow), and over networks that once failed a check."""

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.battery import checks
from tests.battery.networks import Network, stand_in
from tests.battery.run import CHECKS, EXPENSIVE, Result, Task, run, run_task
from zoo.models._registry import model_entries

NAMES = [*{entry.family: name for name, entry in reversed(model_entries().items())}.values()]


@pytest.fixture(scope="module")
def results() -> list[Result]:
    """What every check says about a name of each family."""
    return run(NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS)
def test_check_passes_for_every_family(results: list[Result], check: str) -> None:
    ran = [result for result in results if result.check == check]
    assert [f"{result.name}: {result.error}" for result in ran if result.error] == []
    names = {result.name for result in ran}
    if check == "export":
        paths = {name: stand_in(name).code_path for name in NAMES}
        assert {paths[name] for name in names} == set(paths.values())
    elif check in EXPENSIVE:
        entries = model_entries()
        assert {entries[name].family for name in names} == {e.family for e in entries.values()}
    else:
        assert names == set(NAMES)


@pytest.mark.parametrize("check", [check for check in CHECKS if check not in EXPENSIVE])
@pytest.mark.parametrize(
    "name", ["carn_m", "mdsr", "srresnet_x4", "dncnn_s", "kws_res8", "muddformer_2_8b", "resnet20"]
)
@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_check_passes_for_one_of_each_kind(name: str, check: str) -> None:
    try:
        CHECKS[check](stand_in(name))
    except checks.Skipped as reason:
        pytest.skip(str(reason))


def test_stand_in_keeps_types_of_modules_and_options() -> None:
    network = stand_in("resformer_sparse_82m")
    assert network.args["layers"] == network.entry.args["values"]["since"]  # it applies to the last
    assert "values" not in network.args
    assert stand_in("resnet101").args["depth"] == 50  # of bottlenecks, as 18 is not


class Broken(Network):
    """A network with a fault."""

    fault: Callable[[Any], object]

    def make(self, *args: Any) -> Any:
        model = super().make(*args)
        self.fault(model)
        return model


def hook(change: Callable[[Tensor], Tensor]) -> Callable[[Any], object]:
    """A fault that changes what the network gives."""
    return lambda model: model.register_forward_hook(lambda module, args, y: change(y))


def before(change: Callable[[Tensor], Tensor]) -> Callable[[Any], object]:
    """A fault that changes what the network gets."""
    return lambda model: model.register_forward_pre_hook(lambda module, args: change(args[0]))


def even(x: Tensor) -> Tensor:
    if x.shape[2] % 2:
        raise ValueError("an odd height")
    return x


def scaled(model: Any) -> None:
    """Multiply by a number that no state dict has."""
    scale = torch.rand(())
    model.register_forward_hook(lambda module, args, y: y * scale)


FAULTS: list[tuple[str, Callable[[Any], object], str]] = [
    ("forward", hook(lambda y: y / 0), "not finite"),
    ("forward", hook(torch.rand_like), "off"),
    ("forward", before(lambda x: x.mul_(2)), "off"),
    (
        "backward",
        lambda model: model.register_parameter("lost", nn.Parameter(torch.ones(1))),
        "lost",
    ),
    ("backward", hook(lambda y: (y - y).sqrt()), "not finite"),
    ("features", hook(lambda y: 2 * y), "off"),
    ("copies", hook(lambda y: y), "pickle"),
    ("safetensors", scaled, "off"),
    ("bf16", hook(lambda y: y.float()), "AssertionError"),
    ("autocast", hook(lambda y: y / int(y.dtype == torch.float32)), "not finite"),
    ("channels_last", before(lambda x: x if x.is_contiguous() else 2 * x), "off"),
    ("odd_sizes", before(even), "an odd height"),
    ("batch_of_one", hook(lambda y: y + y.mean(0)), "off"),
    ("torch_func", hook(lambda y: y * y.sum().item()), "item"),
    ("checkpointing", lambda model: setattr(model, "set_grad_checkpointing", print), "runs again"),
    ("compile", hook(lambda y: y * y.sum().item()), "item"),
    ("export", hook(lambda y: y * random.random()), "off"),
    ("onnx", hook(lambda y: y + torch.rand_like(y)), "off"),
]


@pytest.mark.parametrize(
    ("check", "fault", "message"),
    [pytest.param(*f, marks=[pytest.mark.slow] * (f[0] in EXPENSIVE)) for f in FAULTS],
)
def test_check_of_faulty_network_raises(
    check: str, fault: Callable[[Any], object], message: str
) -> None:
    network = Broken("resnet20", stand_in("resnet20").args)
    network.fault = fault
    (result,) = run_task(Task(network, [check], ["resnet20"]))
    assert message in result.error
