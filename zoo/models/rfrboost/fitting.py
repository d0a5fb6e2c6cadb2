"""Fit a random feature network layer by layer, in the order in which the authors' code draws.

x, y -> Phi_0, W_0 -> random features, step, Phi_1, W_1 -> ... -> W_T
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from zoo.models.rfrboost import solvers
from zoo.models.rfrboost.model import BoostingLayer, RandomFeatures, RFRBoost
from zoo.models.rfrboost.steps import Affine, DenseStep, DiagonalStep, GradientStep

PAIRS = 5  # candidates of SWIM for each sample
CLOSEST = 0.01  # least distance of a pair


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Hyperparameters of a fit that are no part of the network."""

    l2_head: float  # of every W_t
    l2_step: float = 0.0  # of every step
    rate: float = 1.0  # eta
    scale: float = 1.0  # c of SWIM; factor of iid features


@dataclass(frozen=True)
class Loss:
    """A loss by what boosting needs of it; targets are (N, outputs)."""

    solve_head: Callable[[Tensor, Tensor, float], tuple[Tensor, Tensor]]  # (Phi, y, l2) -> W, b
    output: Callable[[Tensor], Tensor]  # logits -> what is compared with y
    length: Callable[[Affine, Tensor, Tensor, Tensor], Tensor]  # (head, Phi, y, direction)


def _squared_length(head: Affine, phi: Tensor, y: Tensor, direction: Tensor) -> Tensor:
    return solvers.scalar(y - head(phi), head.weight, direction, solvers.LINE_SEARCH_L2)


def _newton_length(head: Affine, phi: Tensor, y: Tensor, direction: Tensor) -> Tensor:
    change = direction @ head.weight
    return torch.tensor(solvers.newton_length(head(phi), change, y), dtype=phi.dtype)


SQUARED = Loss(solvers.ridge, lambda logits: logits, _squared_length)
CROSS_ENTROPY = Loss(solvers.logistic, solvers.probabilities, _newton_length)


def fit_table(
    network: RFRBoost, x: Tensor, y: Tensor, *, is_regression: bool, settings: Mapping[str, float]
) -> None:
    """Fit a network to a table by the hyperparameters of a recipe."""
    fit(network, x, y, SQUARED if is_regression else CROSS_ENTROPY, Settings(**settings))


@torch.no_grad()
def fit(network: RFRBoost, x: Tensor, y: Tensor, loss: Loss, settings: Settings) -> None:
    """Fit a network in place; what is drawn comes from torch's own generator.

    Args:
        network: as it was built, on the device of the data.
        x: (N, columns).
        y: (N, outputs): numbers; 0 or 1; or one-hot.
        loss: SQUARED or CROSS_ENTROPY. The scalar, diagonal and dense steps are for SQUARED.
        settings: l2, rate and scale.

    Example:
        >>> import zoo
        >>> from zoo.models.rfrboost.fitting import SQUARED, Settings, fit
        >>> x = torch.linspace(-1, 1, 100)[:, None]
        >>> network = zoo.create("rfnn", columns=1, width=20)
        >>> fit(network, x, x.sin(), SQUARED, Settings(l2_head=1e-6))
        >>> bool((network(x) - x.sin()).abs().max() < 0.05)
        True
    """
    phi = x
    if isinstance(network.first, RandomFeatures):
        _draw(network.first, x, y, network.kind, settings.scale)
        phi = network.first(x)
    _solve(network.head, phi, y, loss, settings)
    for layer, norm in zip(network.layers, network.norms, strict=True):
        assert isinstance(layer, BoostingLayer)
        for features, of in ((layer.of_phi, phi), (layer.of_x, x)):
            _draw(features, of, y, network.kind, settings.scale)
        layer.rate.fill_(settings.rate)
        _fit_step(layer.step, layer.features(phi, x), phi, y, network.head, loss, settings.l2_step)
        phi = norm(phi + layer(phi, x))
        _solve(network.head, phi, y, loss, settings)


def _solve(head: Affine, phi: Tensor, y: Tensor, loss: Loss, settings: Settings) -> None:
    weight, bias = loss.solve_head(phi, y, settings.l2_head)
    head.weight.copy_(weight)
    head.bias.copy_(bias)


def _fit_step(
    step: nn.Module, f: Tensor, phi: Tensor, y: Tensor, head: Affine, loss: Loss, l2: float
) -> None:
    residual, w = y - loss.output(head(phi)), head.weight
    if isinstance(step, GradientStep):
        gradient = residual @ w.T
        gradient = gradient / torch.norm(gradient) * len(f) ** 0.5
        weight, bias = solvers.ridge(f, gradient, l2)
        step.direction.weight.copy_(weight)
        step.direction.bias.copy_(bias)
        step.length.copy_(loss.length(head, phi, y, step.direction(f)))
        return
    if loss is not SQUARED:
        raise ValueError("only the gradient step is for classes; the others need a squared loss")
    solve = solvers.scalar
    if isinstance(step, DenseStep | DiagonalStep):
        solve = solvers.dense if isinstance(step, DenseStep) else solvers.diagonal
    delta: Tensor = step.delta  # type: ignore[assignment]
    delta.copy_(solve(residual, w, f, l2))


def _draw(features: RandomFeatures, x: Tensor, y: Tensor, kind: str, scale: float) -> None:
    """Draw SWIM features from pairs of samples; i.i.d. ones are as they were built, times scale."""
    if kind == "iid":
        features.scale.fill_(scale)
        return
    n = len(x)
    first = torch.arange(PAIRS * n, dtype=torch.int32, device=x.device) % n
    shift = torch.randint(1, n, (PAIRS * n,), dtype=torch.int32, device=x.device)
    second = (first + shift) % n
    dx = x[second] - x[first]
    distances = torch.linalg.norm(dx, dim=1, keepdim=True).clamp(min=CLOSEST)
    steepness = torch.linalg.norm(y[second] - y[first], dim=1, keepdim=True) / distances
    steepness = steepness.flatten()
    chosen = torch.multinomial(steepness / steepness.sum(), features.out_features, replacement=True)
    weight = 2 * abs(scale) * dx[chosen] / distances[chosen] ** 2
    features.weight.copy_(weight)
    features.bias.copy_(-torch.sum(weight * x[first[chosen]], 1) - scale)
