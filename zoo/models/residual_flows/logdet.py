"""log |det(I + J)| of residual blocks: exact in two dimensions, or by a series of traces.

sum over k of (-1)^(k+1) / k  tr(J^k),    tr(A) = E[e^T A e],    e normal

Russian roulette (Eq. 6 of 1906.02735): the first terms, and then a random number of others, each
over the probability that it comes: no bias. Some terms alone: a bias that grows with J.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

Pullback = Callable[[Tensor], Tensor]  # v -> v^T J, of rows: (B, ...) -> (B, ...)
Estimate = Callable[[Pullback, Tensor], Tensor]  # of log |det(I + J)| at x: (B, ...) -> (B,)
GEOMETRIC_P = 0.5  # of the random number of terms
POISSON_MEAN = 2.0


def exact(pullback: Pullback, x: Tensor) -> Tensor:
    """Return log |det(I + J)| of each row: x (B, 2) -> (B,)."""
    first, second = pullback(
        torch.eye(2, dtype=x.dtype, device=x.device)[:, None].expand(2, *x.shape)
    )
    determinant = (1 + first[:, 0]) * (1 + second[:, 1]) - first[:, 1] * second[:, 0]
    return determinant.abs().log()


def series(pullback: Pullback, noise: Tensor, coefficients: Sequence[float | Tensor]) -> Tensor:
    """Return the sum of the first terms, each times its coefficient: noise (B, ...) -> (B,)."""
    vector, total = noise, noise.new_zeros(len(noise))
    for k, coefficient in enumerate(coefficients, start=1):
        vector = pullback(vector)
        total = total + (-1) ** (k + 1) / k * coefficient * (vector * noise).flatten(1).sum(1)
    return total


def neumann(pullback: Pullback, noise: Tensor, coefficients: Sequence[float]) -> Tensor:
    """Return the series' value with Eq. 8's gradient, which needs the memory of one term.

    The derivative of the sum is tr(dJ (I - J + J^2 - ...)): only the last product has a gradient.
    """
    with torch.no_grad():
        value = series(pullback, noise, coefficients)
        vector, total = noise, noise.clone()
        for k, coefficient in enumerate(coefficients, start=1):
            vector = pullback(vector)
            total = total + (-1) ** k * coefficient * vector
    surrogate = (pullback(total) * noise).flatten(1).sum(1)
    return value + surrogate - surrogate.detach()


GRADIENTS = {"series": series, "neumann": neumann}


class Drawn(NamedTuple):
    """A random number of terms."""

    draw: Callable[[torch.Generator | None], int]  # from a generator; None: torch's
    at_least: Callable[[int], float]  # k -> the probability of k or more


DISTRIBUTIONS = {
    "geometric": Drawn(
        lambda generator: int(torch.empty(()).geometric_(GEOMETRIC_P, generator=generator)),
        lambda k: (1 - GEOMETRIC_P) ** (k - 1),
    ),
    "poisson": Drawn(
        lambda generator: int(torch.poisson(torch.tensor(POISSON_MEAN), generator=generator)),
        lambda k: float(torch.special.gammainc(torch.tensor(float(k)), torch.tensor(POISSON_MEAN))),
    ),
}


def roulette(exact_terms: int, drawn: int, distribution: str = "geometric") -> list[float]:
    """Return the coefficients of a series of `exact_terms`, and then of `drawn` others.

    A term's is 1 over the probability that it comes, if `drawn` is of the distribution.

    Example:
        >>> roulette(2, 3)
        [1.0, 1.0, 1.0, 2.0, 4.0]
    """
    at_least = DISTRIBUTIONS[distribution].at_least
    return [1.0] * exact_terms + [1 / at_least(k) for k in range(1, drawn + 1)]


def seeded(exact_terms: int, distribution: str, seeds: Sequence[int]) -> Estimate:
    """Return Russian roulette whose randomness in each row comes from the row's own seed.

    A row's estimates do not depend on the other rows of its batch.
    """
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def estimate(pullback: Pullback, x: Tensor) -> Tensor:
        noise = torch.stack([torch.randn(x.shape[1:], generator=each) for each in generators])
        drawn = [DISTRIBUTIONS[distribution].draw(each) for each in generators]
        longest = roulette(exact_terms, max(drawn), distribution)
        coefficients = torch.tensor(longest).repeat(len(drawn), 1)
        for row, terms in zip(coefficients, drawn, strict=True):
            row[exact_terms + terms :] = 0
        return series(pullback, noise.to(x), list(coefficients.to(x).unbind(1)))

    return estimate
