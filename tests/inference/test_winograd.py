"""Winograd's convolutions: the same function, for any input, as an operator of torch."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from zoo.inference.optimize import winograd
from zoo.inference.optimize.winograd import WinogradConv2d, transforms


def off(actual: Tensor, expected: Tensor) -> float:
    return float((actual - expected).detach().abs().max() / expected.detach().abs().max())


def test_winograd_transforms_are_exact() -> None:
    data, kernel, inverse = transforms()
    d, g = torch.tensor([3.0, -1, 4, 1, -5, 9]).double(), torch.tensor([2.0, -7, 1]).double()
    expected = torch.stack([(d[i : i + 3] * g).sum() for i in range(4)])
    assert torch.allclose(inverse @ ((kernel @ g) * (data @ d)), expected, rtol=1e-13)


@pytest.mark.parametrize(
    ("shape", "c_out", "bias"),
    [
        ((2, 64, 8, 8), 96, True),
        ((1, 64, 1, 1), 64, False),
        ((3, 72, 7, 13), 64, True),
        ((1, 64, 90, 47), 64, False),  # in bands
        ((40, 80, 12, 12), 80, True),  # some images at once
    ],
)
def test_winograd_matches_convolution(shape: tuple[int, ...], c_out: int, bias: bool) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(shape[1], c_out, 3, padding=1, bias=bias)
    x = torch.randn(shape)
    with torch.no_grad():
        actual, direct = WinogradConv2d(conv)(x), conv(x)
        expected = conv.double()(x.double())
    assert actual.shape == expected.shape
    assert off(actual, expected) < 1e-5
    assert off(actual, expected) < 10 * off(direct, expected)


def test_winograd_splits_large_inputs_into_parts() -> None:
    assert winograd.part_size(1, 23, 12, 64) == (1, 8)  # bands
    assert winograd.part_size(40, 3, 3, 64) == (40, 3)
    assert winograd.part_size(400, 3, 3, 64) == (50, 3)
    assert winograd.part_size(1, 23, 1000, 64) == (1, 1)
    assert winograd.part_size(0, 3, 3, 64) == (1, 3)
    assert winograd._starts(23, 8) == [0, 8, 15]
    assert winograd._starts(8, 8) == [0]
    assert winograd._starts(0, 1) == []


def test_winograd_any_batch_size_and_layout_matches_convolution() -> None:
    """Its filters are laid out anew for each, also of a copy; nothing is asked of autograd."""
    torch.manual_seed(0)
    conv = nn.Conv2d(64, 72, 3, padding=1)
    fast = WinogradConv2d(conv)
    for x in (torch.randn(2, 64, 9, 9), torch.randn(300, 64, 5, 4), torch.randn(0, 64, 9, 9)):
        expected = conv(x).detach()
        for inputs in (x, x.contiguous(memory_format=torch.channels_last), x.requires_grad_()):
            for module in (fast, copy.deepcopy(fast)):
                actual = module(inputs)
                assert actual.shape == expected.shape
                assert torch.allclose(actual, expected, atol=1e-5)
                assert not actual.requires_grad


def test_winograd_changed_weights_are_transformed_anew() -> None:
    conv, x = nn.Conv2d(64, 64, 3, padding=1), torch.randn(2, 64, 8, 8)
    fast = WinogradConv2d(conv)
    assert off(fast(x), conv(x)) < 1e-5
    conv.load_state_dict(nn.Conv2d(64, 64, 3, padding=1).state_dict())
    assert off(fast(x), conv(x)) < 1e-5


def test_winograd_operator_has_strides_of_its_fake() -> None:
    weight = torch.randn(64, 64, 3, 3)
    for size in ((2, 64, 8, 8), (1, 64, 7, 13)):
        args = (torch.randn(size), weight, torch.randn(64))
        torch.library.opcheck(winograd.winograd_conv2d, args, test_utils="test_faketensor")


@pytest.mark.slow
def test_winograd_within_compiled_graph_matches_convolution() -> None:
    """One graph, with the constants of `freezing`, for any batch."""
    convs = nn.Sequential(*(nn.Conv2d(64, 64, 3, padding=1) for _ in range(2)))
    network = nn.Sequential(WinogradConv2d(convs[0]), nn.ReLU(), convs[1], nn.ReLU())
    compiled: Any = torch.compile(network, fullgraph=True, options={"freezing": True})
    with torch.inference_mode():
        for batch in (2, 3):
            x = torch.randn(batch, 64, 7, 7)
            assert off(compiled(x), convs[1](convs[0](x).relu()).relu()) < 1e-5


@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv2d(64, 64, 3),
        nn.Conv2d(64, 64, 3, padding=1, stride=2),
        nn.Conv2d(64, 64, 3, padding=2, dilation=2),
        nn.Conv2d(64, 64, 3, padding=1, groups=2),
        nn.Conv2d(64, 64, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(64, 64, 5, padding=2),
        nn.Conv2d(64, 32, 3, padding=1),
        nn.Conv2d(64, 64, 3, padding=1, dtype=torch.bfloat16),
        nn.Conv2d(64, 64, 3, padding=1, device="meta"),
        nn.ConvTranspose2d(64, 64, 3, padding=1),
    ],
    ids=str,
)
def test_winograd_fits_rejects_other_convolutions(conv: nn.Module) -> None:
    assert not winograd.fits(conv)
    assert winograd.fits(nn.Conv2d(64, 64, 3, padding=1))
