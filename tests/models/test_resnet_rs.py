"""ResNet-RS: its gate, its pooling, its depths, its first values, and wrong variants."""

from collections.abc import Callable
from typing import Any

import pytest
import timm
import torch
from torch import nn

import zoo
from tests.golden.fill import fill, images, layers_of
from tests.models.test_all_parity import SAME, WRONG, logits, ours
from tests.support.compare import relative_error
from zoo.claims.matching import is_reported_for, specs_for
from zoo.models._registry import get_entry, list_weights
from zoo.models.resnet_rs.model import ResNetRS, RSBlock

Change = Callable[[nn.Module], None]


def small() -> Any:
    """A narrow network with two blocks in its first stage."""
    return ours("resnetrs50", stage_blocks=(2, 1, 1, 1), widths=(16, 24, 32, 48))


def blocks(model: nn.Module) -> list[Any]:
    return [m for m in model.modules() if isinstance(m, RSBlock)]


def open_the_gates(model: nn.Module) -> None:
    """s = 1: ResNet-D without squeeze-and-excitation."""
    for block in blocks(model):
        block.se = nn.Identity()


def gate_the_sum(model: nn.Module) -> None:
    """After the addition."""
    for block in blocks(model):
        gate, block.se = block.se, nn.Identity()
        block.act3 = nn.Sequential(gate, block.act3)


def gate_before_the_last_norm(model: nn.Module) -> None:
    for block in blocks(model):
        block.bn3, block.se = nn.Sequential(block.se, block.bn3), nn.Identity()


def pool_the_stem(model: Any) -> None:
    """ResNet-D's max-pool for the strided 3x3."""
    model.maxpool = nn.MaxPool2d(3, 2, 1)


def leave_the_stem_linear(model: Any) -> None:
    """No ReLU after the strided 3x3."""
    model.maxpool[2] = nn.Identity()


def stride_the_first_1x1(model: nn.Module) -> None:
    for block in blocks(model):
        block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride


def raw_shortcut(model: nn.Module) -> None:
    """ResNet's strided 1x1 in the shortcut, without the average."""
    for block in blocks(model):
        if block.stride > 1:
            block.downsample[0] = nn.MaxPool2d(1, block.stride)


@pytest.mark.parametrize(
    "change",
    [
        open_the_gates,
        gate_the_sum,
        gate_before_the_last_norm,
        pool_the_stem,
        leave_the_stem_linear,
        stride_the_first_1x1,
        raw_shortcut,
    ],
)
def test_wrong_variant_differs_from_resnet_rs(change: Change) -> None:
    model = small()
    expected = logits(model, 64)
    change(model)
    assert relative_error(logits(model, 64), expected) > WRONG


def test_narrow_network_equals_timm() -> None:
    model, sizes = small(), {"layers": (2, 1, 1, 1), "channels": (16, 24, 32, 48)}
    other = timm.create_model("resnetrs50", **sizes).double().eval()
    other.load_state_dict(model.state_dict())
    assert torch.equal(logits(other, 64), logits(model, 64))


def test_gates_that_are_open_leave_resnet_d() -> None:
    """A bias of 100 opens every gate: what is left is ResNet-D's block."""
    model = small()
    for block in blocks(model):
        block.se.fc2.weight.data.zero_()
        block.se.fc2.bias.data.fill_(100)
    actual = logits(model, 64)
    open_the_gates(model)
    assert relative_error(actual, logits(model, 64)) <= SAME


def test_gate_is_squeeze_and_excitation_of_the_means() -> None:
    block = RSBlock(64, 16, 1, 0.0).eval().requires_grad_(False)
    fill(layers_of(block))
    x = images(8, channels=64)
    z = x.mean((2, 3))
    w1, w2 = (layer.weight.flatten(1) for layer in (block.se.fc1, block.se.fc2))
    s = torch.sigmoid(torch.relu(z @ w1.T + block.se.fc1.bias) @ w2.T + block.se.fc2.bias)
    assert relative_error(block.se(x), x * s[:, :, None, None]) <= SAME
    assert w1.shape == (16, 64)  # a quarter


@pytest.mark.parametrize("depth", [50, 101, 152, 200, 270, 350, 420])
def test_depth_counts_three_layers_a_block(depth: int) -> None:
    layers = 3 * sum(get_entry(f"resnetrs{depth}").args["stage_blocks"]) + 2
    assert layers == {270: 272, 420: 419}.get(depth, depth)


def test_new_blocks_and_layers_have_the_authors_values() -> None:
    torch.manual_seed(0)
    block, last = RSBlock(256, 64, 1, 0.0).eval(), nn.Linear(512, 100)
    block.apply(ResNetRS.initialise)
    ResNetRS.initialise(last)
    x = torch.randn(1, 256, 8, 8)
    assert torch.equal(block(x), torch.relu(x))
    deviation, weight = (9 * 64) ** -0.5, block.conv2.weight
    assert weight.std().item() == pytest.approx(deviation, rel=0.02)
    assert weight.abs().max().item() < 2.3 * deviation  # cut at 2 of the uncut
    assert last.weight.std().item() == pytest.approx(0.01, rel=0.02)


def test_claims_are_judged_by_the_paper_s_crop_of_weights_of_their_size() -> None:
    """timm shows its copies of the weights other crops; for other sizes there are no weights."""
    crops: dict[tuple[str, str], Any] = {}
    for model in ("50", "101", "152", "200", "270", "350", "420"):
        known = list_weights(f"resnetrs{model}")
        for claim in zoo.list_claims(f"resnetrs{model}", kind="measured"):
            for spec in [] if claim.variant else specs_for(claim, known):
                shown: Any = spec.protocol
                crops[model, claim.protocol] = (shown.resize, shown.crop_size)
                assert not is_reported_for(known[0], claim)
    assert crops == {
        ("50", "imagenet-160"): ((192,), 160),
        ("101", "imagenet-192"): ((224,), 192),
        ("152", "imagenet-256"): ((288,), 256),
        ("200", "imagenet-256"): ((288,), 256),
        ("270", "imagenet-256"): ((288,), 256),
        ("350", "imagenet-256"): ((288,), 256),
        ("420", "imagenet-320"): ((352,), 320),
    }
