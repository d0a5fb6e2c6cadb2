"""Residual Flows: its authors' block, estimates against brute force, the inverse, the norms."""

import json
import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.golden.record_residual_flows import COEFF, OUT, TERMS, WIDTHS, fill, points
from zoo.models.residual_flows import logdet
from zoo.models.residual_flows.blocks import linear_block
from zoo.models.residual_flows.layers import InducedNormLinear, LipSwish
from zoo.models.residual_flows.model import ResidualFlow2d

GOLDEN = {
    key: torch.tensor(rows, dtype=torch.float64)
    for key, rows in json.loads(OUT.read_text()).items()
    if key != "images"
}
SPECTRAL = (2.0,) * (len(WIDTHS) + 2)


def settle(network: torch.nn.Module) -> Any:
    """Let the power method find the norms of all layers."""
    for layer in (m for m in network.modules() if isinstance(m, InducedNormLinear)):
        layer.v = layer.stretched(2000)
    return network


def block() -> Any:
    return settle(fill(linear_block((2, *WIDTHS, 2), SPECTRAL, COEFF)))


def flow(**changes: Any) -> Any:
    """A flow of two blocks that is not close to the identity."""
    args: dict[str, Any] = {"blocks": 2, "widths": WIDTHS, "norms": SPECTRAL} | changes
    return settle(fill(ResidualFlow2d(**args)))


def test_block_equals_authors_code() -> None:
    ours, x = block().eval(), points()
    with torch.no_grad():
        step, pullback = ours.residual(x)
        torch.testing.assert_close(x + step, GOLDEN["y"], rtol=1e-9, atol=1e-9)
        exact = logdet.exact(pullback, x)
        torch.testing.assert_close(exact, GOLDEN["log_determinant"], rtol=1e-8, atol=1e-9)
        identity = torch.eye(2, dtype=x.dtype)
        jacobian = torch.stack([pullback(row.expand_as(x)) for row in identity], 1)
        traces = torch.zeros(len(x), dtype=x.dtype)
        for k in range(1, TERMS + 1):
            power = torch.linalg.matrix_power(jacobian, k)
            traces += (-1) ** (k + 1) / k * power.diagonal(dim1=1, dim2=2).sum(1)
        torch.testing.assert_close(traces, GOLDEN["truncated"], rtol=1e-8, atol=1e-9)
    assert (GOLDEN["truncated"] - GOLDEN["log_determinant"]).abs().max() > 1e-6


@pytest.mark.parametrize("wrong", ["coeff", "beta", "slope"])
def test_wrong_block_is_another(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The golden numbers tell these apart."""
    ours, x = block().eval(), points()
    if wrong == "coeff":
        ours.layers[1].coeff = 0.97
    elif wrong == "beta":
        ours.activations[0].beta.data += 0.1
    else:
        whole = LipSwish.forward
        monkeypatch.setattr(
            LipSwish, "forward", lambda self, x: (whole(self, x)[0], whole(self, x)[1] * 1.1)
        )
    with torch.no_grad():
        exact = logdet.exact(ours.residual(x)[1], x)
    assert (exact - GOLDEN["log_determinant"]).abs().max() > 1e-4


def test_pullback_and_determinant_equal_autograd() -> None:
    ours, x, v = block().eval(), points().requires_grad_(), points().flip(0)
    step, pullback = ours.residual(x)
    (expected,) = torch.autograd.grad(step, x, v, retain_graph=True)
    torch.testing.assert_close(pullback(v), expected)
    network = flow().eval()
    jacobian: Tensor = torch.autograd.functional.jacobian(lambda p: network.encode(p)[0].sum(0), x)
    exact = torch.linalg.slogdet(jacobian.transpose(0, 1)).logabsdet
    torch.testing.assert_close(network.encode(x)[1], exact)


def expected_value(pullback: logdet.Pullback, x: Tensor, coefficients: list[float]) -> Tensor:
    """The mean of a series over the noise: e of four signs has the covariance I of a normal one,
    and e^T A e no other moment."""
    signs = [torch.tensor(s, dtype=x.dtype).expand_as(x) for s in ((1, 1), (1, -1))]
    return torch.stack([logdet.series(pullback, e, coefficients) for e in signs]).mean(0)


def test_roulette_has_no_bias_and_truncation_has_one() -> None:
    """Summed over all numbers of terms by their probability, Russian roulette is log |det|."""
    ours, x = block().eval(), points()
    with torch.no_grad():
        _, pullback = ours.residual(x)
        roulette = torch.zeros(len(x), dtype=x.dtype)
        for drawn in range(1, 60):
            coefficients = logdet.roulette(2, drawn)
            roulette += 0.5**drawn * expected_value(pullback, x, coefficients)
        truncated = expected_value(pullback, x, [1.0])
    exact = GOLDEN["log_determinant"]
    torch.testing.assert_close(roulette, exact, rtol=1e-7, atol=1e-7)
    assert (truncated - exact).abs().max() > 1e-4


def test_neumann_gradient_is_that_of_the_series() -> None:
    """In the mean over the noise, for the same coefficients of an unbroken series."""
    ours, x = block().eval(), points()
    weights = [layer.weight for layer in ours.layers]
    gradients, values = [], []
    for estimate in (logdet.exact, logdet.neumann):
        _, pullback = ours.residual(x)
        if estimate is logdet.exact:
            total = logdet.exact(pullback, x).sum()
        else:
            signs = [torch.tensor(s, dtype=x.dtype).expand_as(x) for s in ((1, 1), (1, -1))]
            total = sum(logdet.neumann(pullback, e, [1.0] * 150).sum() for e in signs) / 2
        gradients.append(torch.autograd.grad(total, weights))
        values.append(total.detach())
    torch.testing.assert_close(values[1], values[0], rtol=1e-7, atol=1e-7)
    for neumann, exact in zip(gradients[1], gradients[0], strict=True):
        torch.testing.assert_close(neumann, exact, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "least"), [("geometric", 1), ("poisson", 0)])
def test_numbers_of_terms_come_as_often_as_their_weights_say(name: str, least: int) -> None:
    draw, at_least = logdet.DISTRIBUTIONS[name]
    generator = torch.Generator().manual_seed(0)
    drawn = torch.tensor([draw(generator) for _ in range(4000)])
    assert drawn.min() == least
    for k in range(1, 6):
        assert (drawn >= k).float().mean() == pytest.approx(at_least(k), abs=0.03)


@pytest.mark.parametrize("estimator", ["roulette", "truncated", "exact"])
@pytest.mark.parametrize("gradient", ["series", "neumann"])
def test_training_estimates_are_of_their_kind(estimator: str, gradient: str) -> None:
    network, x = flow(estimator=estimator, gradient=gradient, terms=3).train(), points()
    torch.manual_seed(0)
    first, second = network(x), network(x)
    assert torch.allclose(first, second, atol=1e-9) == (estimator == "exact")
    first.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_inverse_is_exact_and_samples_have_their_density() -> None:
    network, x = flow().eval(), points()
    with torch.no_grad():
        z, _ = network.encode(x)
        torch.testing.assert_close(network.inverse(z), x, rtol=1e-4, atol=1e-4)
        inverse = GOLDEN["inverse"]
        torch.testing.assert_close(
            block().eval().inverse(GOLDEN["y"]), inverse, rtol=0.02, atol=0.02
        )
    samples = network.sample(5, torch.Generator().manual_seed(1))
    assert samples.shape == (5, 2)
    again = network.sample(5, torch.Generator().manual_seed(1))
    assert torch.equal(samples, again)


def test_density_integrates_to_one() -> None:
    network = flow().eval()
    axis = torch.linspace(-9, 9, 181, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        total = network(grid).exp().sum().item() * 0.1**2
    assert total == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("p", "q"),
    [(2.0, 2.0), (1.0, 2.0), (1.0, 1.0), (2.0, math.inf), (math.inf, math.inf), (3.0, 1.5)],
)
def test_layer_stretches_nothing_beyond_its_bound(p: float, q: float) -> None:
    torch.manual_seed(0)
    layer = InducedNormLinear(4, 3, norms=(p, q), coeff=0.9)
    layer.weight.data = 3 * torch.rand(3, 4)  # none is negative: the power method has one end
    layer.v = layer.stretched(500)
    weight = layer.bounded().detach()
    x = torch.cat([torch.randn(3000, 4), torch.rand(3000, 4), torch.eye(4)])
    norms = [torch.linalg.vector_norm(v, e, 1) for v, e in ((x @ weight.T, q), (x, p))]
    assert 0.8 < (norms[0] / norms[1]).max() <= 0.9 * (1 + 1e-5)
    if (p, q) == (2.0, 2.0):
        assert torch.linalg.matrix_norm(weight, 2) == pytest.approx(0.9, rel=1e-5)


def test_lipswish_slope_is_at_most_one() -> None:
    x = torch.linspace(-30, 30, 6001)[:, None]
    for beta in (-3.0, 0.5, 4.0):
        activation = LipSwish()
        activation.beta.data.fill_(beta)
        values, slope = activation(x)
        assert slope.abs().max() <= 1
        rise = torch.tensor([b - a for a, b in pairwise(values[:, 0].tolist())]) / 0.01
        torch.testing.assert_close(rise, slope[:-1, 0], rtol=0.05, atol=0.05)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"estimator": "sum"}, "estimator is of roulette, truncated, exact"),
        ({"coeff": 1.0}, "coeff between 0 and 1"),
        ({"norms": (2.0, 2.0)}, "3 layers need 4 norms"),
        ({"norms": (2.0, 2.0, 2.0, 1.0)}, "the last as the first"),
    ],
)
def test_arguments_out_of_range_raise(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        flow(**changes)
