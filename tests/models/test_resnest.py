"""Split attention by the paper's equations, group by group; its layouts; R = 1; wrong variants."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from timm.layers import SplitAttn
from torch import Tensor, nn

import zoo
from tests.golden.fill import fill, images, layers_of
from tests.models.test_all_parity import SAME, WRONG, logits
from tests.support.compare import relative_error
from zoo.claims.matching import specs_for
from zoo.models._builder import build_model
from zoo.models._registry import list_weights
from zoo.models.resnest.model import ResNeSt, SplitBlock, parse_setting
from zoo.models.resnest.split_attention import SplitAttention
from zoo.modules.squeeze_excitation import SqueezeExcitation

CHANNELS = 32
LAYOUTS = [(2, 1), (2, 4), (4, 2), (1, 4)]  # radix, cardinality


def split_attention(radix: int, cardinality: int) -> SplitAttention:
    module = SplitAttention(CHANNELS, radix=radix, cardinality=cardinality).eval()
    fill(layers_of(module))
    return module.requires_grad_(False)


def cardinality_major(module: SplitAttention, u: list[list[Tensor]]) -> Tensor:
    """Eqs. 1 to 3 for one cardinal group after the other: u[k][r] is split r of group k."""
    out = []
    for k, splits in enumerate(u):
        s = torch.stack(splits).sum(0).mean((2, 3), keepdim=True)
        h = torch.relu(part(module.bn1, k, u)(part(module.fc1, k, u)(s)))
        logit = part(module.fc2, k, u)(h).chunk(len(splits), 1)
        if len(splits) == 1:
            weights = [torch.sigmoid(logit[0])]
        else:
            total = torch.stack([g.exp() for g in logit]).sum(0)
            weights = [g.exp() / total for g in logit]
        out.append(torch.stack([a * x for a, x in zip(weights, splits, strict=True)]).sum(0))
    return torch.cat(out, 1)


def part(layer: Any, k: int, u: list[Any]) -> nn.Module:
    """The layer of one cardinal group."""
    state = {key: v.chunk(len(u))[k] for key, v in layer.state_dict().items() if v.dim()}
    if isinstance(layer, nn.BatchNorm2d):
        own: nn.Module = nn.BatchNorm2d(len(state["bias"]))
    else:
        own = nn.Conv2d(layer.in_channels // len(u), len(state["bias"]), 1)
    own.double().load_state_dict(state, strict=False)
    return own.eval().requires_grad_(False)


@pytest.mark.parametrize(("radix", "cardinality"), LAYOUTS)
def test_radix_major_equals_cardinality_major(radix: int, cardinality: int) -> None:
    """App. A: group (k, r) of the paper's figure is chunk r K + k of the one grouped 3x3."""
    module = split_attention(radix, cardinality)
    x = images(6, channels=CHANNELS)
    chunks = torch.relu(module.bn0(module.conv(x))).chunk(radix * cardinality, 1)
    u = [[chunks[r * cardinality + k] for r in range(radix)] for k in range(cardinality)]
    assert relative_error(module(x), cardinality_major(module, u)) <= SAME
    if radix > 1 and cardinality > 1:  # read in the other order it is another function
        other = [[chunks[k * radix + r] for r in range(radix)] for k in range(cardinality)]
        assert relative_error(module(x), cardinality_major(module, other)) > WRONG


@pytest.mark.parametrize(("radix", "cardinality"), LAYOUTS)
def test_attention_sums_to_one_over_splits(radix: int, cardinality: int) -> None:
    a = split_attention(radix, cardinality).attention(torch.randn(2, CHANNELS, 1, 1).double())
    assert a.shape == (2, radix, CHANNELS, 1, 1)
    total = a.sum(1)
    assert bool(((total < 1) if radix == 1 else (total - 1).abs() < 1e-12).all())


def test_one_split_of_one_group_is_squeeze_and_excitation_of_the_3x3() -> None:
    """Sec. 3.1; the BatchNorm between its two layers, which SE lacks, is folded into the first."""
    module = split_attention(1, 1)
    gate = SqueezeExcitation(CHANNELS, module.fc1.out_channels).double().requires_grad_(False)
    scale = module.bn1.weight / (module.bn1.running_var + module.bn1.eps).sqrt()
    gate.fc1.weight.copy_(module.fc1.weight * scale[:, None, None, None])
    gate.fc1.bias.copy_((module.fc1.bias - module.bn1.running_mean) * scale + module.bn1.bias)
    gate.fc2.load_state_dict(module.fc2.state_dict())
    x = images(6, channels=CHANNELS)
    expected = gate(torch.relu(module.bn0(module.conv(x))))
    assert relative_error(module(x), expected) <= 1e-10


@pytest.mark.parametrize(("radix", "cardinality"), LAYOUTS)
def test_split_attention_equals_timm(radix: int, cardinality: int) -> None:
    module = split_attention(radix, cardinality)
    other = SplitAttn(CHANNELS, radix=radix, groups=cardinality, norm_layer=nn.BatchNorm2d)
    other.double().eval().load_state_dict(module.state_dict())
    x = images(6, channels=CHANNELS)
    assert torch.equal(other(x), module(x))


# Wrong in one place: another function with the same tensors


def move_the_average(model: nn.Module) -> None:
    """`fast` where it is not."""
    for block in blocks(model):
        block.pool_before, block.pool_after = block.pool_after, block.pool_before


def average_the_first_stage(model: nn.Module) -> None:
    """A 3x3 average at stride 1 as well, where the authors' code has is_first=False."""
    blocks(model)[0].pool_after = nn.AvgPool2d(3, 1, 1)


def stride_the_3x3(model: nn.Module) -> None:
    """ResNet's stride, without the average."""
    for block in blocks(model):
        block.conv2.conv.stride = (block.stride, block.stride)
        block.pool_after = nn.Identity()


def sigmoid_for_softmax(model: nn.Module) -> None:
    for block in blocks(model):
        block.conv2.attention = gates(block.conv2)


def gates(module: Any) -> Callable[[Tensor], Tensor]:
    def attention(s: Tensor) -> Tensor:
        a = module.fc2(module.act(module.bn1(module.fc1(s))))
        gate: Tensor = a.unflatten(1, (module.radix, -1)).sigmoid()
        return gate

    return attention


def first_split_alone(model: nn.Module) -> None:
    """The mean of one split, not of the sum."""
    for block in blocks(model):
        block.conv2.bn0.weight.data[block.conv2.conv.in_channels :] *= 0.5


def raw_shortcut(model: nn.Module) -> None:
    """ResNet's strided 1x1 in the shortcut, without the average."""
    for block in blocks(model):
        if block.stride > 1:
            block.downsample[0] = nn.MaxPool2d(1, block.stride)


def blocks(model: nn.Module) -> list[Any]:
    return [m for m in model.modules() if isinstance(m, SplitBlock)]


@pytest.mark.parametrize(
    "change",
    [
        move_the_average,
        average_the_first_stage,
        stride_the_3x3,
        sigmoid_for_softmax,
        first_split_alone,
        raw_shortcut,
    ],
)
def test_wrong_variant_differs_from_resnest(change: Callable[[nn.Module], None]) -> None:
    model: Any = build_model("resnest14d", setting="2s2x16d", device="meta")
    model.prune_intermediate_layers([2])
    fill(layers_of(model.to_empty(device="cpu").eval()))
    expected = logits(model, 64)
    change(model)
    assert relative_error(logits(model, 64), expected) > WRONG


def test_new_blocks_are_their_shortcuts() -> None:
    """Sec. 4.2: the last scale of each block begins at 0."""
    block = SplitBlock(64, 16, 1, 0.0, setting=(2, 1, 64), fast=False).eval()
    block.apply(ResNeSt.initialise)
    x = torch.randn(1, 64, 8, 8)
    assert torch.equal(block(x), torch.relu(x))


@pytest.mark.parametrize("setting", ["", "2s1x64", "0s1x64d", "2x1s64d", "2s1x064d"])
def test_setting_of_another_form_raises(setting: str) -> None:
    with pytest.raises(ValueError, match='such as "2s1x64d", not'):
        parse_setting(setting)


def test_impossible_sizes_raise() -> None:
    with pytest.raises(ValueError, match=r"depth .* must be one of 14, 26, 50, 101, 200, 269, not"):
        build_model("resnest50d", depth=18, device="meta")
    with pytest.raises(ValueError, match="1 splits of 5 groups must divide 40 channels, and"):
        build_model("resnest50d", setting="1s5x8d", device="meta")
    with pytest.raises(ValueError, match="4 splits of 1 groups must divide 10 channels"):
        build_model("resnest50d", setting="4s1x10d", device="meta")


def test_gluon_claims_are_judged_by_its_crop_of_the_authors_weights() -> None:
    """scripts/gluon/verify.py: 1 / 0.875 of the size, from 320 on the middle square."""
    crops: dict[str, Any] = {}
    for model in ("50d", "101e", "200e", "269e"):
        for claim in zoo.list_claims(f"resnest{model}", kind="measured"):
            if claim.protocol.startswith("gluon-") and not claim.args:
                spec, *_ = specs_for(claim, list_weights(f"resnest{model}"))
                assert spec.weights == f"resnest{model}.authors"
                shown: Any = spec.protocol
                crops[model] = (*shown.resize, shown.crop_size, shown.interpolation)
    assert crops == {
        "50d": (256, 224, "bilinear"),
        "101e": (293, 256, "bilinear"),
        "200e": (352, 320, "bicubic"),
        "269e": (448, 416, "bicubic"),
    }
