"""RKAN: the KAN convolution by its formula, wrong variants, and the backbone beside it.

test_all_parity.py compares whole networks with the authors' files (golden/rkan.json).
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.conftest import first_alone
from tests.golden.fill import images
from tests.models.test_all_parity import SAME, WRONG, golden_error, logits, ours
from tests.support.compare import relative_error
from zoo.models._builder import build_model
from zoo.models.rkan.branch import KANConv

SMALL: dict[str, Any] = {"depth": 18, "block": "basic", "num_classes": 10}


def drawn(degree: int, stride: int) -> KANConv:
    kan = KANConv(degree, stride).double()
    generator = torch.Generator().manual_seed(1)
    for parameter in kan.parameters():
        parameter.data.copy_(torch.randn(parameter.shape, generator=generator))
    return kan


@pytest.mark.parametrize(("degree", "stride"), [(1, 1), (2, 1), (3, 2), (5, 2)])
def test_kan_conv_equals_its_formula_pixel_by_pixel(degree: int, stride: int) -> None:
    """T_c(x) = cos(c arccos x), for each window of nine pixels of each channel by itself."""
    kan, x = drawn(degree, stride), images(7, channels=3)
    windows = F.unfold(x.flatten(0, 1)[:, None], 3, padding=1, stride=stride)  # (BC, 9, places)
    angles = windows.tanh().arccos()
    expected = torch.einsum("i,bin->bn", kan.linear.flatten(), windows)
    for c, weights in enumerate(kan.polynomials.flatten(1)):
        own = kan.scale.flatten() * weights
        expected = expected + torch.einsum("i,bin->bn", own, (c * angles).cos())
    actual = kan(x)
    torch.testing.assert_close(actual, expected.view_as(actual), rtol=1e-10, atol=1e-10)


def test_kan_conv_is_one_function_for_all_channels() -> None:
    kan, x = drawn(3, 1), images(5, channels=4)
    torch.testing.assert_close(kan(x.roll(1, 1)), kan(x).roll(1, 1), rtol=1e-12, atol=1e-12)
    assert sum(p.numel() for p in kan.parameters()) == 9 + 9 + 4 * 9


# Wrong in one place


def kans(model: nn.Module) -> list[KANConv]:
    return [module for module in model.modules() if isinstance(module, KANConv)]


def without_linear_part(model: nn.Module) -> None:
    for kan in kans(model):
        kan.linear.data.zero_()


def with_silu_in_linear_part(model: nn.Module) -> None:
    """As KANs have it: w silu(x), the polynomials of x as they are."""
    kan: Any
    for kan in kans(model):
        plain = type(kan).forward

        def forward(x: Tensor, kan: Any = kan, plain: Any = plain) -> Tensor:
            kernel = kan.linear[None].expand(x.shape[1], -1, -1, -1)
            more = F.conv2d(F.silu(x) - x, kernel, None, kan.stride, 1, groups=x.shape[1])
            out: Tensor = plain(kan, x) + more
            return out

        kan.forward = forward


def without_last_degree(model: nn.Module) -> None:
    for kan in kans(model):
        kan.polynomials.data[-1] = 0


def without_second_kan(model: Any) -> None:
    model.layer4[-1].kan2 = nn.Identity()


CHANGES = [
    without_linear_part,
    with_silu_in_linear_part,
    without_last_degree,
    without_second_kan,
]


@pytest.mark.parametrize("change", first_alone(CHANGES))
def test_network_wrong_in_one_place_differs_from_authors(
    change: Callable[[nn.Module], None],
) -> None:
    assert golden_error("rkan-e", change) > WRONG


# Beside the backbone


def test_branch_of_scale_zero_leaves_the_backbone() -> None:
    """Its keys are a ResNet's, so that weights of one load into the other."""
    model: Any = ours("rkanet50", **SMALL)
    plain: Any = build_model("resnet18", num_classes=10).double().eval()
    branch = {f"layer4.2.{key}" for key in model.layer4[-1].state_dict()}
    plain.load_state_dict({k: v for k, v in model.state_dict().items() if k not in branch})
    expected = logits(plain, 64)
    assert relative_error(logits(model, 64), expected) > WRONG
    nn.init.zeros_(model.layer4[-1].bn2.weight)
    nn.init.zeros_(model.layer4[-1].bn2.bias)
    assert relative_error(logits(model, 64), expected) <= SAME


def test_first_weights_of_a_branch_have_its_authors_variances() -> None:
    torch.manual_seed(0)
    model: Any = build_model("rkanet50")
    branch = model.layer4[-1]
    for layer in (branch.reduce, branch.expand):  # PyTorch's own: U(-a, a), a = fan_in ** -0.5
        assert layer.weight.abs().max() <= layer.in_channels**-0.5
    assert branch.kan1.polynomials.std().item() == pytest.approx(1 / 6, rel=0.5)
    assert torch.equal(branch.kan1.scale, torch.ones(1, 3, 3))


@pytest.mark.parametrize(
    ("args", "rule"),
    [
        ({"places": (5,)}, r"places must be some of 1 to 4, not \(5,\)"),
        ({"places": ()}, r"places must be some of 1 to 4, not \(\)"),
        ({"depth": 20}, "depth .*Table 1.* 18, 34, 50, 101, 152, not 20"),
        ({"block": "64x4d"}, "block must be one of basic, bottleneck, wide"),
    ],
)
def test_build_model_wrong_argument_raises(args: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        build_model("rkanet50", device="meta", **args)
