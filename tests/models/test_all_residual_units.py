"""Properties of one paper's unit that no count or logit of a complete network shows."""

from itertools import chain
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn

from tests.conftest import first_alone
from tests.golden.fill import fill, layers_of
from tests.models.test_all_behaviour import close, example, real, train
from tests.models.test_all_parity import WRONG, Change, logits, ours
from tests.support.compare import relative_error
from zoo.models._builder import build_model
from zoo.models.res2net.model import Res2Block
from zoo.modules.post_activation import Bottleneck

# Wide ResNet: dropout


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_wrn_dropout_acts_inside_blocks(rate: float) -> None:
    """When everything is dropped, a block is its shortcut, and the classifier sees all of it."""
    model = train(real("zoo.models.wrn.model:WideResNet", drop_rate=rate))
    x, dropped = model.forward_stem(example("zoo.models.wrn.model:WideResNet")), []
    for block in chain(model.layer1, model.layer2, model.layer3):
        projects = isinstance(block.downsample, nn.Conv2d)
        shortcut = block.downsample(torch.relu(block.bn1(x))) if projects else x
        x = block(x)
        dropped.append(torch.equal(x, shortcut))
    assert dropped == [rate == 1] * 6
    features = model.forward_tail(x)
    assert torch.equal(model.forward_head(features, pre_logits=True), features.mean((2, 3)))


# ResNeXt: Fig. 3, (a) and (c)


def paths(unit: Bottleneck, x: Tensor) -> Tensor:
    """Fig. 3 (a): the sum of what each path finds alone, 1x1 to d, 3x3, 1x1 back."""
    cardinality = unit.conv2.groups
    d = unit.conv2.out_channels // cardinality
    total = torch.zeros(())
    for i in range(cardinality):
        own = slice(i * d, (i + 1) * d)
        y = x
        for conv, norm in ((unit.conv1, unit.bn1), (unit.conv2, unit.bn2)):
            kernel = conv.weight[own]
            y = nn.functional.conv2d(y, kernel, None, conv.stride, kernel.shape[-1] // 2)
            scale = norm.weight[own] / (norm.running_var[own] + norm.eps).sqrt()
            shift = norm.bias[own] - norm.running_mean[own] * scale
            y = torch.relu(y * scale[:, None, None] + shift[:, None, None])
        total = total + nn.functional.conv2d(y, unit.conv3.weight[:, own])
    return torch.relu(unit.bn3(total) + unit.downsample(x))


def test_bottleneck_resnext_is_sum_of_paths() -> None:
    stage = ours("resnext29_4x32d").get_submodule("layer2")
    x = torch.randn(2, 256, 8, 8, dtype=torch.float64)
    for unit in (stage[0], stage[1]):
        close(unit(x), paths(unit, x))
        x = unit(x)


def test_resnext_width_is_path_width_times_cardinality() -> None:
    """8x64d is 512 wide in the first stage: 34.4M, not the 89.7M of eight times the output."""
    model: Any = build_model("resnext29_8x64d", device="meta")
    stages = [model.layer1[0], model.layer2[0], model.layer3[0]]
    assert [unit.conv2.out_channels for unit in stages] == [512, 1024, 2048]
    assert [unit.conv3.out_channels for unit in stages] == [256, 512, 1024]


# Res2Net: the first block of a stage, against timm's


def hierarchical_first(model: nn.Module) -> None:
    """The first block of the first stage adds its slices, as Fig. 2b draws every block."""
    model.get_submodule("layer1")[0].first = False


def no_pool_at_stride_one(model: nn.Module) -> None:
    model.get_submodule("layer1")[0].pool = nn.Identity()


def pool_without_its_border(model: nn.Module) -> None:
    for unit in model.modules():
        if isinstance(unit, Res2Block) and unit.first:
            unit.pool.count_include_pad = False


def first_slice_alone(model: nn.Module) -> None:
    """Eq. 1 to the letter: the slice without a convolution comes first."""
    for unit in model.modules():
        if isinstance(unit, Res2Block) and not unit.first:
            unit.bn1.register_forward_hook(
                lambda module, args, out, n=unit.slice: torch.roll(out, n, 1)
            )


CHANGES = [hierarchical_first, no_pool_at_stride_one, pool_without_its_border, first_slice_alone]


@pytest.mark.parametrize("change", first_alone(CHANGES))
def test_res2net_altered_first_block_differs_from_timm(change: Change) -> None:
    model = ours("res2net50_26w_4s")
    with torch.device("meta"):
        other = timm.create_model("res2net50_26w_4s").eval()
    other.load_state_dict(model.state_dict(), assign=True)
    expected = logits(other, 64)
    assert relative_error(logits(model, 64), expected) == 0
    change(model)
    assert relative_error(logits(model, 64), expected) > WRONG


def test_res2_block_rolled_channels_match_eq_1() -> None:
    """y_1 = x_1 first, as printed, with the channels of conv1 and conv3 rolled by one slice."""
    unit = Res2Block(
        64, 16, 1, 0.0, shortcut=lambda *_: nn.Identity(), slice_width=32, scale=4, cardinality=1
    ).eval()
    fill(layers_of(unit))
    x, n = torch.randn(2, 64, 8, 8, dtype=torch.float64), unit.slice
    alone, *slices = torch.roll(torch.relu(unit.bn1(unit.conv1(x))), n, 1).chunk(4, 1)
    actual = [alone]
    for i, (part, conv, norm) in enumerate(zip(slices, unit.convs, unit.bns, strict=True)):
        actual.append(torch.relu(norm(conv(part + actual[-1] if i else part))))
    out = unit.bn3(unit.conv3(torch.roll(torch.cat(actual, 1), -n, 1)))
    close(unit(x), torch.relu(out + x))
