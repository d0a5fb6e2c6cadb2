"""Self-regulated ResNets: cells and stages beside the equations typed again, and ResNet within."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.golden.fill import fill, images, layers_of
from tests.support.compare import relative_error
from zoo.models._builder import build_model
from zoo.models.convlstm_resnet.cells import CELLS, LightConv
from zoo.models.convlstm_resnet.units import RegulatedStage

NAMES = ["convlstm_resnet20", "convlstm_resnet50"]
SAME, WRONG = 1e-12, 1e-3


def network(name: str, **args: Any) -> Any:
    """A narrow network in float64 with random weights and statistics."""
    model = build_model(name, width=4, **args).double().eval()
    fill(layers_of(model))
    return model


def gate(layer: LightConv, index: int, x: Tensor, h: Tensor) -> Tensor:
    """A gate of N channels, channel by channel: a weight for x, one for h, then 3x3."""
    channels = []
    for n in range(x.shape[1]):
        k = n * layer.gates + index
        weight, bias = layer.fuse.weight[k].flatten(), layer.fuse.bias
        assert bias is not None
        y = weight[0] * x[:, n : n + 1] + weight[1] * h[:, n : n + 1] + bias[k]
        assert layer.spatial.bias is not None
        spatial = layer.spatial.weight[k : k + 1], layer.spatial.bias[k : k + 1]
        channels.append(F.conv2d(y, *spatial, padding=1))
    return torch.cat(channels, 1)


def step(cell: Any, x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The equations of a cell."""
    h = state[0]
    if isinstance(cell, CELLS["rnn"]):
        return (torch.tanh(gate(cell.conv, 0, x, h)),)
    if isinstance(cell, CELLS["gru"]):
        z, r = (torch.sigmoid(gate(cell.gates, i, x, h)) for i in (0, 1))
        return ((1 - z) * torch.tanh(gate(cell.candidate, 0, x, r * h)) + z * h,)
    i, f, o = (torch.sigmoid(gate(cell.conv, k, x, h)) for k in range(3))
    c = f * state[1] + i * torch.tanh(gate(cell.conv, 3, x, h))
    return o * torch.tanh(c), c


def normed(conv: nn.Module, bn: nn.Module, x: Tensor) -> Tensor:
    return bn(conv(x))


def run_stage(stage: RegulatedStage, x: Tensor) -> Tensor:
    """The paper's equations, one unit after the other."""
    state: tuple[Tensor, ...] = ()
    for unit in stage.units:
        u: Any = unit
        x2 = normed(u.conv1, u.bn1, x).relu()
        zeros = torch.zeros_like(x2)
        after = step(stage.cell, x2, state or (zeros, zeros))
        state = tuple(bn(s).relu() for bn, s in zip(u.state_bns, after, strict=False))
        if hasattr(u, "conv3"):
            x3 = normed(u.conv2, u.bn2, x2).relu()
            x4 = normed(u.fuse, u.fuse_bn, torch.cat((x3, state[0]), 1)).relu()
            end = normed(u.conv3, u.bn3, x4)
        else:
            x3 = normed(u.fuse, u.fuse_bn, torch.cat((x2, state[0]), 1)).relu()
            end = normed(u.conv2, u.bn2, x3)
        x = (u.downsample(x) + end).relu()
    return x


@pytest.mark.parametrize("rnn", CELLS)
@pytest.mark.parametrize("name", NAMES)
def test_stages_equal_the_equations(name: str, rnn: str) -> None:
    model = network(name, rnn=rnn)
    with torch.inference_mode():
        x = expected = model.maxpool(model.forward_stem(images(32)))
        for stage in model.stage_names:
            x = getattr(model, stage)(x)
            expected = run_stage(getattr(model, stage), expected)
            assert relative_error(x, expected) <= SAME


def no_norm_of_state(model: Any) -> None:
    for unit in units(model):
        unit.state_bns = nn.ModuleList(nn.Identity() for _ in unit.state_bns)


def halves_for_pairs(model: Any) -> None:
    """Groups of neighbours in the concatenation of x and h."""

    def forward(layer: LightConv, x: Tensor, h: Tensor) -> Tensor:
        y = layer.spatial(layer.fuse(torch.cat((x, h), 1)))
        return y.unflatten(1, (-1, layer.gates)).transpose(1, 2).flatten(1, 2)

    for module in model.modules():
        if isinstance(module, LightConv):
            module.forward = forward.__get__(module)  # type: ignore[method-assign]


def forgetful(model: Any) -> None:
    """Every unit has a state of zeros before it."""
    for stage in model.stage_names:
        cell = getattr(model, stage).cell
        old = cell.forward
        cell.forward = lambda x, s, old=old: old(x, tuple(torch.zeros_like(each) for each in s))


def state_as_last(model: Any) -> None:
    """h before x in the concatenation that W23 fuses."""
    for unit in units(model):
        n = unit.fuse.weight.shape[1] // 2
        unit.fuse.weight.data = unit.fuse.weight.data.roll(n, 1)


def units(model: Any) -> list[Any]:
    return [unit for name in model.stage_names for unit in getattr(model, name).units]


@pytest.mark.parametrize("change", [no_norm_of_state, halves_for_pairs, forgetful, state_as_last])
def test_wrong_variant_differs_from_the_equations(change: Any) -> None:
    model = network("convlstm_resnet20")
    x = images(32)
    with torch.inference_mode():
        expected = model(x)
        change(model)
        assert relative_error(model(x), expected) > WRONG


def forget_the_memory(model: Any) -> None:
    """W23 copies x and takes nothing of h; its BatchNorm changes nothing."""
    for unit in units(model):
        n = unit.fuse.weight.shape[0]
        unit.fuse.weight.data = torch.eye(n, 2 * n, dtype=torch.float64)[..., None, None]
        norm = unit.fuse_bn
        norm.running_mean.zero_()
        norm.running_var.fill_(1 - norm.eps)
        nn.init.ones_(norm.weight)
        nn.init.zeros_(norm.bias)


@pytest.mark.parametrize("name", NAMES)
def test_network_without_memory_is_resnet(name: str) -> None:
    """Equal to rnn="none" with the same weights, which is the zoo's ResNet by its keys."""
    model = network(name)
    forget_the_memory(model)
    plain = build_model(name, width=4, rnn="none").double().eval()
    plain.load_state_dict({k: v for k, v in model.state_dict().items() if k in plain.state_dict()})
    resnet = name.removeprefix("convlstm_")
    full = build_model(name, rnn="none", device="meta").state_dict()
    other = build_model("resnet50_v1" if resnet == "resnet50" else resnet, device="meta")
    shapes = {key.replace(".units", ""): value.shape for key, value in full.items()}
    assert shapes == {key: value.shape for key, value in other.state_dict().items()}
    with torch.inference_mode():
        assert relative_error(model(images(32)), plain(images(32))) <= SAME


def test_resnet20_within_has_its_logits() -> None:
    plain = build_model("convlstm_resnet20", rnn="none").double().eval()
    fill(layers_of(plain))
    resnet = build_model("resnet20").double().eval()
    state = {key.replace(".units", ""): value for key, value in plain.state_dict().items()}
    resnet.load_state_dict(state)
    with torch.inference_mode():
        assert torch.equal(resnet(images(16)), plain(images(16)))


def test_memory_ends_with_its_stage() -> None:
    """A stage sees no more of the one before than its output."""
    model = network("convlstm_resnet20")
    with torch.inference_mode():
        x = model.layer1(model.forward_stem(images(16)))
        first = model.layer2(x)
        model.layer1(torch.randn_like(model.forward_stem(images(16))))
        assert torch.equal(model.layer2(x), first)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"rnn": "transformer"}, r"rnn \(Sec. III\) must be one of rnn, gru, lstm, none"),
        ({"depth": 21}, r"depth must be 6N \+ 2"),
    ],
)
def test_wrong_option_raises(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_model("convlstm_resnet20", device="meta", **args)
