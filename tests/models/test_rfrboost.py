"""Random feature boosting (2501.18283): solvers against independent computations, in float64."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize, minimize_scalar
from torch import Tensor

import zoo
from zoo.models.rfrboost import solvers
from zoo.models.rfrboost.fitting import CROSS_ENTROPY, SQUARED, Settings, fit

N, P, WIDTH, OUTPUTS = 40, 6, 4, 2


@pytest.fixture
def f() -> Tensor:
    return torch.randn(N, P, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def w() -> Tensor:
    return torch.randn(WIDTH, OUTPUTS, dtype=torch.float64, generator=generator(2))


@pytest.fixture
def r() -> Tensor:
    return torch.randn(N, OUTPUTS, dtype=torch.float64, generator=generator(3))


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_ridge_equals_least_squares_of_stacked_rows(f: Tensor, r: Tensor) -> None:
    """min |Xc W - Y / s|^2 + N l2 |W|^2 is least squares with sqrt(N l2) I below X."""
    l2 = 0.3
    weight, bias = solvers.ridge(f, r, l2)
    std = r.std(0)
    stacked = torch.cat((f - f.mean(0), (N * l2) ** 0.5 * torch.eye(P, dtype=f.dtype)))
    below = torch.zeros(P, OUTPUTS, dtype=f.dtype)
    targets = torch.cat(((r - r.mean(0)) / std, below))
    expected = np.linalg.lstsq(stacked.numpy(), targets.numpy(), rcond=None)[0]
    torch.testing.assert_close(weight, torch.from_numpy(expected) * std)
    torch.testing.assert_close((f @ weight + bias).mean(0), r.mean(0))


def test_dense_step_equals_normal_equations_by_kronecker(f: Tensor, w: Tensor, r: Tensor) -> None:
    l2 = 0.2
    system = torch.kron(f.T @ f, w @ w.T) + N * l2 * torch.eye(P * WIDTH, dtype=f.dtype)
    expected = torch.linalg.solve(system, (f.T @ r @ w.T).flatten()).view(P, WIDTH)
    torch.testing.assert_close(solvers.dense(r, w, f, l2), expected)


def test_diagonal_and_scalar_steps_equal_least_squares(w: Tensor, r: Tensor) -> None:
    l2 = 0.2
    f = torch.randn(N, WIDTH, dtype=torch.float64, generator=generator(4))
    columns = torch.stack([(f[:, i : i + 1] * w[i]).flatten() for i in range(WIDTH)], 1)
    system = columns.T @ columns + N * l2 * torch.eye(WIDTH, dtype=f.dtype)
    expected = torch.linalg.solve(system, columns.T @ r.flatten())
    torch.testing.assert_close(solvers.diagonal(r, w, f, l2), expected)
    one = columns.sum(1)
    expected = one @ r.flatten() / (one @ one + N * l2)
    torch.testing.assert_close(solvers.scalar(r, w, f, l2), expected)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("sign", [1, -1])
def test_newton_length_equals_minimum(classes: int, sign: int) -> None:
    outputs = classes if classes > 2 else 1
    logits = torch.randn(N, outputs, dtype=torch.float64, generator=generator(5))
    labels = torch.randint(classes, (N,), generator=generator(6))
    y = torch.nn.functional.one_hot(labels).double() if classes > 2 else labels[:, None].double()
    change = sign * (y - solvers.probabilities(logits)) + 0.3

    def loss(a: float) -> float:
        return solvers.cross_entropy(logits + a * change, y).item() + 1e-5 * a**2

    best = minimize_scalar(loss, options={"xtol": 1e-12})
    assert solvers.newton_length(logits, change, y) == pytest.approx(best.x, rel=1e-5)


def test_newton_length_at_a_minimum_is_zero() -> None:
    y = torch.tensor([[0.0], [1.0]])
    assert solvers.newton_length(torch.zeros(2, 1), torch.zeros(2, 1), y) == 0


def test_logistic_is_at_the_minimum_of_its_loss(f: Tensor) -> None:
    y = (f[:, :1] + 0.5 * f[:, 1:2] > 0).double()
    weight, bias = solvers.logistic(f, y, 0.05)

    def loss(values: Any) -> float:
        logits = f @ torch.from_numpy(values[:-1])[:, None] + values[-1]
        return solvers.cross_entropy(logits, y).item() + 0.05 * float((values[:-1] ** 2).sum())

    best = minimize(loss, np.zeros(P + 1), tol=1e-10)
    actual = torch.cat((weight[:, 0], bias)).numpy()
    assert loss(actual) == pytest.approx(best.fun, abs=1e-8)
    np.testing.assert_allclose(actual, best.x, atol=2e-3)


def boosted(step: str, features: str = "swim", layers: int = 3) -> tuple[Any, Tensor, Tensor]:
    """A network fitted to a curve, with its data, in float64."""
    torch.manual_seed(0)
    x = torch.rand(80, 2, dtype=torch.float64, generator=generator(7))
    y = torch.sin(5 * x[:, :1]) * x[:, 1:]
    width = 0 if step in ("gradient", "dense") else 12
    args = {"columns": 2, "width": width, "layers": layers, "step": step, "features": features}
    network: Any = zoo.create("rfrboost_dense", hidden=16, dtype=torch.float64, **args)
    fit(network, x, y, SQUARED, Settings(l2_head=1e-5, l2_step=1e-3, rate=0.5, scale=0.7))
    return network, x, y


@pytest.mark.parametrize("features", ["swim", "iid"])
@pytest.mark.parametrize("step", ["gradient", "dense", "diagonal", "scalar"])
def test_fit_lowers_the_error_with_every_layer(step: str, features: str) -> None:
    errors = []
    for layers in (0, 1, 3):
        network, x, y = boosted(step, features, layers)
        errors.append((network(x) - y).square().mean().item())
    assert errors == sorted(errors, reverse=True)
    assert step == "scalar" or errors[-1] < 0.8 * errors[0]


def test_forward_equals_the_formula_by_hand() -> None:
    """Phi + eta * a * (F V + v), then W Phi + b; tanh(A x + b) by numpy."""
    network, x, _ = boosted("gradient")
    t = {key: value.detach().numpy() for key, value in network.state_dict().items()}
    phi = x.numpy()
    for i in range(3):
        p = f"layers.{i}."
        parts = [
            np.tanh(t[f"{p}{name}.scale"] * (of @ t[f"{p}{name}.weight"].T + t[f"{p}{name}.bias"]))
            for name, of in (("of_phi", phi), ("of_x", x.numpy()))
        ]
        f = np.concatenate(parts, 1)
        ghat = f @ t[f"{p}step.direction.weight"] + t[f"{p}step.direction.bias"]
        phi = phi + t[f"{p}rate"] * t[f"{p}step.length"] * ghat
    np.testing.assert_allclose(network(x).detach(), phi @ t["head.weight"] + t["head.bias"])


def test_swim_features_cross_half_at_their_samples() -> None:
    """w.x_i + b is -c at the first sample of a pair and c at the second (Sec. 2.2)."""
    torch.manual_seed(0)
    x, c = torch.rand(30, 3, dtype=torch.float64), 0.8
    network: Any = zoo.create("rfnn", columns=3, width=50, dtype=torch.float64)
    fit(network, x, x[:, :1], SQUARED, Settings(l2_head=1e-3, scale=c))
    values = x @ network.first.weight.T + network.first.bias
    at_first = (values + c).abs().amin(0)
    at_second = (values - c).abs().amin(0)
    assert max(at_first.max(), at_second.max()) < 1e-9


def test_seed_decides_everything_that_is_drawn() -> None:
    (first, x, _), (again, _, _) = boosted("gradient"), boosted("gradient")
    assert torch.equal(first(x), again(x))


def test_classes_only_by_the_gradient_step() -> None:
    x, y = torch.rand(20, 2), (torch.rand(20, 1) > 0.5).float()
    network: Any = zoo.create("rfrboost_scalar", columns=2, width=4)
    with pytest.raises(ValueError, match="only the gradient step is for classes"):
        fit(network, x, y, CROSS_ENTROPY, Settings(l2_head=1e-3, l2_step=1e-3))


@pytest.mark.parametrize(
    ("name", "args", "message"),
    [
        ("rfnn", {"step": "newton"}, "a step is one of gradient, dense"),
        ("rfnn", {"features": "fourier"}, "features are swim or iid"),
        ("rfnn", {"columns": 0}, "columns, outputs and hidden are 1 or more"),
        ("mlp_resnet", {"blocks": 0}, "blocks and hidden are 1 or more"),
    ],
)
def test_impossible_sizes_are_refused(name: str, args: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        zoo.create(name, **args)


@pytest.mark.parametrize("name", ["rfrboost_gradient", "rfrboost_diagonal", "mlp_resnet"])
def test_network_exports_with_any_number_of_rows(name: str) -> None:
    network = zoo.create(name, columns=5).eval()
    x = torch.rand(3, 5)
    rows = torch.export.Dim("rows", min=2)
    exported = torch.export.export(network, (x,), dynamic_shapes=({0: rows},)).module()
    more = torch.rand(7, 5)
    torch.testing.assert_close(exported(more), network(more))


def test_batch_norm_normalizes_every_representation_in_either_mode() -> None:
    network = zoo.create("rfrboost_gradient", columns=2, outputs=3, batch_norm=True)
    x = torch.randn(50, 2, generator=generator(8)) * 5 + 3
    y = torch.eye(3)[torch.randint(3, (50,), generator=generator(9))]
    fit(network, x, y, CROSS_ENTROPY, Settings(l2_head=1e-3, l2_step=1e-3))  # type: ignore[arg-type]
    seen: list[Tensor] = []
    network.head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))  # type: ignore[union-attr]
    outputs = [network.train(mode)(x) for mode in (True, False)]
    assert torch.equal(*outputs)
    torch.testing.assert_close(seen[0].mean(0), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(seen[0].var(0, correction=0), torch.ones(2), atol=1e-3, rtol=0)


def test_control_without_an_embedding_begins_with_its_columns() -> None:
    network = zoo.create("mlp_resnet", columns=2, width=2, embed=False, activation="tanh")
    assert not any(isinstance(module, torch.nn.ReLU) for module in network.modules())
    assert network.first(torch.ones(3, 2)).tolist() == [[1.0, 1.0]] * 3  # type: ignore[operator]
    with pytest.raises(ValueError, match="width is that of the 3 columns, not 2"):
        zoo.create("mlp_resnet", columns=3, width=2, embed=False)
    with pytest.raises(ValueError, match="activation is relu or tanh, not 'gelu'"):
        zoo.create("mlp_resnet", activation="gelu")
