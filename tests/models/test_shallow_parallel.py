"""Convolutions in sequence and in parallel: the same weights, terms of the second order, one wide
convolution."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.golden.fill import fill, images, layers_of
from zoo.models._builder import build_model


def pair(layers: int = 3, scale: float = 1.0, **args: Any) -> tuple[Any, Any]:
    """The sequential and the parallel network of the same weights, F scaled."""
    both = [
        build_model(f"shallow_{k}_8", layers=layers, **args) for k in ("sequential", "parallel")
    ]
    sequential, parallel = (model.double().eval() for model in both)
    fill(layers_of(sequential))
    with torch.no_grad():
        for unit in sequential.layer1:  # type: ignore[union-attr]
            unit.conv1.weight *= scale
    parallel.load_state_dict(sequential.state_dict(), strict=True)
    return sequential, parallel


@torch.no_grad()
def test_layouts_of_one_layer_are_equal_and_of_more_are_not() -> None:
    for layers in (1, 2):
        sequential, parallel = pair(layers)
        x = images(9, channels=1)
        difference = (sequential(x) - parallel(x)).abs().max()
        assert (difference < 1e-14) == (layers == 1)
        assert layers == 1 or difference > 1e-2


@torch.no_grad()
def test_layouts_differ_by_terms_of_the_second_order() -> None:
    x, differences = images(9, channels=1), []
    for scale in (1e-3, 5e-4):
        sequential, parallel = pair(4, scale)
        x0 = sequential.forward_stem(x)
        differences.append((sequential.layer1(x0) - parallel.layer1(x0)).norm())
        moved = (parallel.layer1(x0) - x0).norm()
        assert differences[-1] < 0.01 * moved
    assert differences[0] / differences[1] == pytest.approx(4, rel=0.01)


@torch.no_grad()
def test_parallel_layer_is_one_wide_convolution() -> None:
    _, parallel = pair(3)
    units = list(parallel.layer1)
    x = parallel.forward_stem(images(9, channels=1))
    inputs = torch.cat([unit.bn1(x).relu() for unit in units], 1)
    kernels = torch.cat([unit.conv1.weight for unit in units], 1)
    assert kernels.shape == (16, 3 * 16, 3, 3)
    expected: Tensor = x + F.conv2d(inputs, kernels, padding=1)
    torch.testing.assert_close(parallel.layer1(x), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"layout": "deep"}, "layout must be one of sequential, parallel, not 'deep'"),
        ({"kernel": 2}, "kernel odd, not 8, 16 and 2"),
        ({"layers": 0}, "layers and filters must be 1 or more"),
    ],
)
def test_wrong_options_raise(args: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        build_model("shallow_parallel_8", **args)
