"""Residual Flows of images: the authors' flow, its estimates, its inverse."""

import json
import math
from typing import Any

import pytest
import torch
from torch import Tensor

import zoo
from tests.golden.record_residual_flows import IMAGES, NORMS, OUT, fill, pixels
from zoo.models.residual_flows import logdet
from zoo.models.residual_flows.blocks import Block
from zoo.models.residual_flows.images import ResidualFlow
from zoo.models.residual_flows.layers import ActNorm, InducedNormLinear, SpectralConv2d

GOLDEN = json.loads(OUT.read_text())["images"]


def flow(name: str = "whole", **changes: Any) -> Any:
    """The recorded flow, with the norms that no iteration is needed for."""
    network = fill(ResidualFlow(**IMAGES[name] | changes), NORMS).eval()
    for layer in network.modules():
        if isinstance(layer, (InducedNormLinear, SpectralConv2d)):
            basis = torch.eye(layer.v.numel(), dtype=torch.float64).view(-1, *layer.v.shape)
            rows = layer.push(basis, layer.weight) - layer.push(0 * basis, layer.weight)
            layer.v = torch.linalg.svd(rows.detach().flatten(1).T)[2][0].view(layer.v.shape)
    return network


def brute_force(pullback: logdet.Pullback, x: Tensor) -> Tensor:
    """log |det(I + J)| by all rows of J."""
    identity = torch.eye(x[0].numel(), dtype=x.dtype).view(-1, 1, *x.shape[1:])
    rows = torch.stack([pullback(row.expand_as(x)).flatten(1) for row in identity], 1)
    return torch.linalg.slogdet(rows + torch.eye(len(identity), dtype=x.dtype)).logabsdet


@pytest.mark.parametrize("name", IMAGES)
def test_flow_equals_authors_code(name: str) -> None:
    with torch.no_grad():
        z, log_determinant = flow(name).encode(pixels(IMAGES[name]["img_size"]), brute_force)
    expected = {key: torch.tensor(v, dtype=torch.float64) for key, v in GOLDEN[name].items()}
    torch.testing.assert_close(z, expected["z"], rtol=1e-7, atol=1e-7)
    torch.testing.assert_close(log_determinant, expected["log_determinant"], rtol=1e-9, atol=1e-7)


def test_images_come_back_and_samples_are_images() -> None:
    for name, args in IMAGES.items():
        network, x = flow(name), pixels(args["img_size"])
        with torch.no_grad():
            z, _ = network.encode(x, lambda pullback, x: x.new_zeros(len(x)))
            torch.testing.assert_close(network.inverse(z), x, rtol=1e-3, atol=1e-2)
        drawn = network.sample(2, torch.Generator().manual_seed(0))
        assert drawn.shape == x.shape
        again = network.sample(2, torch.Generator().manual_seed(0))
        assert torch.equal(drawn, again)


def test_log_density_has_no_bias_in_the_mean_over_seeds() -> None:
    network, x = flow("whole", evaluation_terms=2), pixels(8)[:1]
    with torch.no_grad():
        z, log_determinant = network.encode(x, brute_force)
        exact = log_determinant - 0.5 * (z.square() + math.log(2 * math.pi)).sum(1)
        drawn = network(x.expand(300, -1, -1, -1), seeds=range(300))
    error = (drawn.mean() - exact) / (drawn.std() / len(drawn) ** 0.5)
    assert error.abs() < 4  # standard errors
    assert drawn.std() > 0


def test_density_of_an_image_does_not_depend_on_its_batch() -> None:
    network, x = flow(evaluation_terms=1), pixels(8)
    with torch.no_grad():
        together = network(x, seeds=[3, 1])
        alone = torch.cat([network(x[i : i + 1], seeds=[seed]) for i, seed in enumerate((3, 1))])
        other = network(x, seeds=[2, 7])
    torch.testing.assert_close(together, alone)
    assert (together != other).all()


def test_what_is_no_image_has_density_zero() -> None:
    x = pixels(8).repeat(2, 1, 1, 1)[:3]
    x[0, 0, 0, 0], x[1, 0, 3, 3] = -0.5, 256.0
    with torch.no_grad():
        assert flow()(x).isinf().tolist() == [True, True, False]


@pytest.mark.parametrize(
    "changes", [{}, {"gradient": "series"}, {"unbiased": False}, {"distribution": "geometric"}]
)
def test_training_estimates_and_gradients(changes: dict[str, Any]) -> None:
    torch.manual_seed(0)
    network, x = flow("factored", **changes).train(), pixels(16)
    loss = -network(x)
    assert not torch.equal(loss, -network(x))
    loss.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_first_batch_of_training_sets_the_norms_and_no_later_one() -> None:
    torch.manual_seed(0)
    norm, x = ActNorm(4).train(), 3 + 2 * torch.randn(50, 4, 5, 5)
    y, log_determinant = norm(x)
    torch.testing.assert_close(y.mean((0, 2, 3)), torch.zeros(4), rtol=0, atol=1e-5)
    torch.testing.assert_close(y.std((0, 2, 3)), torch.ones(4), rtol=1e-3, atol=1e-3)
    assert log_determinant.item() == pytest.approx(25 * norm.weight.sum().item())
    torch.testing.assert_close(norm(x[:2])[0], y[:2])
    torch.testing.assert_close(norm.inverse(y), x)
    assert not ActNorm(4).eval().seen


def test_convolution_stretches_no_map_beyond_its_bound() -> None:
    torch.manual_seed(0)
    layer = SpectralConv2d(2, 3, 3, side=5, coeff=0.9).double()
    layer.weight.data *= 4
    layer.v = layer.stretched(3000)
    weight = layer.bounded().detach()
    columns = torch.eye(50, dtype=torch.float64).view(50, 2, 5, 5)
    matrix = (layer.push(columns, weight) - layer.push(0 * columns, weight)).flatten(1)
    assert torch.linalg.matrix_norm(matrix, 2).item() == pytest.approx(0.9, rel=1e-6)
    transposed = layer.pull(torch.eye(75, dtype=torch.float64).view(75, 3, 5, 5), weight)
    torch.testing.assert_close(transposed.flatten(1), matrix.T)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"distribution": "binomial"}, "distribution is of geometric, poisson"),
        ({"coeff": 1.0}, "coeff must be between 0 and 1"),
        ({"img_size": 9}, "sides of 9 cannot be halved"),
    ],
)
def test_arguments_out_of_range_raise(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ResidualFlow(**IMAGES["whole"] | changes)


@pytest.mark.parametrize(
    ("name", "authors"),
    [("mnist", 16_608_693), ("cifar10", 25_174_233), ("imagenet32", 47_099_289)],
)
def test_flows_have_the_authors_parameters_but_two_a_block(name: str, authors: int) -> None:
    with torch.device("meta"):
        network = zoo.create(f"residual_flow_{name}")
    blocks = sum(isinstance(module, Block) for module in network.modules())
    assert sum(p.numel() for p in network.parameters()) + 2 * blocks == authors
