"""MobileNetV2: torchvision's values under its keys, what makes a block, Table 3, wrong variants."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn

from tests.golden.fill import fill, images, layers_of
from tests.models.test_all_parity import SAME, logits, ours
from tests.support.compare import relative_error
from zoo.checkpoints.key_mapping import KeyMapping
from zoo.models._builder import build_model
from zoo.models._conversion import detect_model
from zoo.models._registry import list_weights
from zoo.models.mobilenetv2 import model as mobilenetv2
from zoo.models.mobilenetv2.blocks import InvertedResidual
from zoo.models.mobilenetv2.convert import KEY_MAPPINGS
from zoo.papers.weights import WeightsError

TORCHVISION: KeyMapping = KEY_MAPPINGS[1]


def drawn(*args: Any, **options: Any) -> Any:
    """A block with the weights of seed 0."""
    block = InvertedResidual(*args, **options).eval()
    fill(layers_of(block))
    return block


def test_mobilenetv2_100_equals_torchvision_under_its_keys() -> None:
    model = ours("mobilenetv2_100")
    with torch.device("meta"):
        theirs: Any = torchvision.models.mobilenet_v2()
    state = TORCHVISION.from_zoo(model.state_dict())
    theirs.load_state_dict(state, strict=True, assign=True)
    assert torch.equal(logits(theirs.eval(), 64), logits(model, 64))
    back = TORCHVISION.to_zoo(state)
    assert all(torch.equal(back[key], value) for key, value in model.state_dict().items())
    with pytest.raises(WeightsError, match="mobilenetv2_100, mobilenetv2_x1_0, whose tensors are"):
        detect_model(state, "x.pth")
    assert detect_model(state, "x.pth", model="mobilenetv2_100").keys is TORCHVISION


@pytest.mark.parametrize("width", ["0_5", "0_75", "1_0", "1_4"])
def test_chenyaofo_keys_fit_network_of_that_width(width: str) -> None:
    """torchvision's keys at that width are chenyaofo's, whose strides no tensor tells."""
    with torch.device("meta"):
        theirs: Any = torchvision.models.mobilenet_v2(
            width_mult=float(width.replace("_", ".")), num_classes=10
        )
    weights = list_weights(f"mobilenetv2_x{width}")[0]
    network = build_model(weights.model, device="meta", **weights.args)
    shapes = {key: value.shape for key, value in network.state_dict().items()}
    assert {k: v.shape for k, v in TORCHVISION.to_zoo(theirs.state_dict()).items()} == shapes
    assert "strides" in TORCHVISION.caveat


# Wrong in one place


def blocks(model: nn.Module) -> list[Any]:
    return [module for module in model.modules() if isinstance(module, InvertedResidual)]


def unbounded(model: nn.Module) -> None:
    """ReLU for ReLU6: in the stem and in conv_head."""
    model.act1, model.act2 = nn.ReLU(), nn.ReLU()


def no_skips(model: nn.Module) -> None:
    """Fig. 6b, the lowest curve."""
    for block in blocks(model):
        block.has_skip = False


def activated_bottlenecks(model: nn.Module) -> None:
    """Fig. 6a: ReLU6 after the last BatchNorm of a block too."""
    for block in blocks(model):
        name = f"bn{len(block.names)}"
        setattr(block, name, nn.Sequential(getattr(block, name), nn.ReLU6()))


def stride_a_block_later(model: Any) -> None:
    """The stride of a line of Table 2 in its second block."""
    model.blocks[1][0].conv_dw.stride, model.blocks[1][1].conv_dw.stride = (1, 1), (2, 2)
    model.blocks[1][1].has_skip = False


@pytest.mark.parametrize(
    "change", [unbounded, no_skips, activated_bottlenecks, stride_a_block_later]
)
def test_mobilenetv2_wrong_in_one_place_has_other_logits(
    change: Callable[[nn.Module], None],
) -> None:
    model = ours("mobilenetv2_035")
    expected = logits(model, 64)
    change(model)
    assert relative_error(logits(model, 64), expected) > 1e-4  # drawn values rarely exceed 6


@pytest.mark.parametrize(
    ("args", "change"),
    [({"bottleneck": "relu6"}, activated_bottlenecks), ({"shortcuts": "none"}, no_skips)],
)
def test_variants_of_figure_6_are_arguments(
    args: dict[str, Any], change: Callable[[nn.Module], None]
) -> None:
    model = ours("mobilenetv2_035")
    change(model)
    assert torch.equal(logits(ours("mobilenetv2_035", **args), 64), logits(model, 64))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"bottleneck": "relu"}, r"bottleneck \(Fig. 6a\) must be one of linear, relu6"),
        ({"shortcuts": "expansion"}, r"shortcuts \(Fig. 6b\) must be one of bottleneck, none"),
    ],
)
def test_variant_of_another_name_raises(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_model("mobilenetv2_035", device="meta", **args)


# What the paper says of a block


@pytest.mark.parametrize(
    ("c_in", "c_out", "stride", "skip"), [(8, 8, 1, True), (8, 8, 2, False), (8, 12, 1, False)]
)
def test_inverted_residual_skips_only_equal_shapes(
    c_in: int, c_out: int, stride: int, skip: bool
) -> None:
    """With nothing inside, a block is the identity or zero ("when inner layer depth is 0")."""
    block = drawn(c_in, c_out, stride, expansion=6)
    nn.init.zeros_(block.bn3.weight)
    nn.init.zeros_(block.bn3.bias)
    x = images(8, channels=c_in)
    with torch.no_grad():
        y = block(x)
    assert torch.equal(y, x) if skip else not y.any()


def fold(conv: nn.Conv2d, norm: Any) -> tuple[Tensor, Tensor]:
    """A 1x1 convolution and its BatchNorm as a matrix and a shift."""
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    shift = norm.bias - scale * norm.running_mean
    return scale[:, None] * conv.weight[:, :, 0, 0], shift


def test_linear_bottleneck_is_one_matrix_with_next_expansion() -> None:
    """No activation, no skip: projection and expansion are one 1x1 of the wide tensor."""
    first, second = drawn(8, 12, 2, expansion=6), drawn(12, 12, 1, expansion=6)
    x = images(6, channels=48)
    with torch.no_grad():
        (a, s), (b, t) = fold(first.conv_pwl, first.bn3), fold(second.conv_pw, second.bn1)
        expected = second.bn1(second.conv_pw(first.bn3(first.conv_pwl(x))))
        actual = torch.einsum("oc,bchw->bohw", b @ a, x) + (b @ s + t)[:, None, None]
    assert relative_error(actual, expected) <= SAME


@pytest.mark.parametrize("parts", [2, 3, 5])
def test_expansion_split_in_parts_sums_to_block(parts: int) -> None:
    """Sec. 5.1: F(x) = sum of A_i N B_i x over slices of the inner channels."""
    block = drawn(8, 12, 1, expansion=6)
    x, total = images(6, channels=8), torch.zeros(())
    with torch.no_grad():
        a, shift = fold(block.conv_pwl, block.bn3)
        inner = torch.relu(block.bn1(block.conv_pw(x))).clamp(max=6)
        for part in torch.arange(48).tensor_split(parts):
            wide = nn.functional.conv2d(
                inner[:, part], block.conv_dw.weight[part], padding=1, groups=len(part)
            )
            mean, var = block.bn2.running_mean[part], block.bn2.running_var[part]
            weight, bias = block.bn2.weight[part], block.bn2.bias[part]
            wide = nn.functional.batch_norm(wide, mean, var, weight, bias).clamp(0, 6)
            total = total + torch.einsum("oc,bchw->bohw", a[:, part], wide)
        assert relative_error(total + shift[:, None, None], block(x)) <= SAME


def test_tensors_between_blocks_match_table_2_not_table_3() -> None:
    """{pixels: channels}: the most at each size. 16-bit values: 16 x 112 x 112 are 400K."""
    model: Any = build_model("mobilenetv2_100", device="meta").eval()
    shapes: list[torch.Size] = []
    for block in blocks(model):
        block.register_forward_hook(lambda module, args, output: shapes.append(output.shape))
    model(torch.zeros(1, 3, 224, 224, device="meta"))
    most = {h: max(s[1] for s in shapes if s[2] == h) for _, _, h, _ in shapes}
    assert most == {112: 16, 56: 24, 28: 32, 14: 96, 7: 320}
    assert max(2 * shape.numel() for shape in shapes) == 401_408


def test_wide_head_of_narrow_network_is_not_shrunk() -> None:
    """Sec. 4: multipliers below 1 leave the last convolution; 1.4 widens it."""
    widths = {
        w: build_model(f"mobilenetv2_{w}", device="meta").num_features for w in ("035", "140")
    }
    assert widths == {"035": 1280, "140": 1792}


def test_build_model_bad_arguments_name_rule() -> None:
    with pytest.raises(ValueError, match=r"width must be a positive multiplier \(Sec. 4\), not 0"):
        build_model("mobilenetv2_100", width=0)
    with pytest.raises(ValueError, match=r"strides must be eight \(Table 2\), not \[2, 1\]"):
        build_model("mobilenetv2_100", strides=(2, 1))


def test_scaled_is_multiple_of_eight_within_a_tenth() -> None:
    for channels in (16, 24, 32, 64, 96, 160, 320):
        for width in (0.35, 0.5, 0.75, 1.0, 1.3, 1.4):
            scaled = mobilenetv2.scaled(channels, width)
            assert scaled % 8 == 0
            assert scaled >= 0.9 * channels * width
