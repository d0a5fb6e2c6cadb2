"""log |det(I + J)| of residual blocks: exact in two dimensions, or by a series of traces.

sum over k of (-1)^(k+1) / k  tr(J^k),    tr(A) = E[e^T A e],    e normal

Russian roulette (Eq. 6 of 1906.02735): the first terms, and then a random number of others, each
over the probability that it comes: no bias. Some terms alone: a bias that grows with J.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Pullback = Callable[[Tensor], Tensor]  # v -> v^T J: (..., B, C) -> (..., B, C)
GEOMETRIC_P = 0.5  # of the random number of terms


def exact(pullback: Pullback, x: Tensor) -> Tensor:
    """Return log |det(I + J)| of each row: x (B, 2) -> (B,)."""
    first, second = pullback(
        torch.eye(2, dtype=x.dtype, device=x.device)[:, None].expand(2, *x.shape)
    )
    determinant = (1 + first[:, 0]) * (1 + second[:, 1]) - first[:, 1] * second[:, 0]
    return determinant.abs().log()


def series(pullback: Pullback, noise: Tensor, coefficients: list[float]) -> Tensor:
    """Return the sum of the first terms, each times its coefficient: noise (B, C) -> (B,)."""
    vector, total = noise, noise.new_zeros(len(noise))
    for k, coefficient in enumerate(coefficients, start=1):
        vector = pullback(vector)
        total = total + (-1) ** (k + 1) / k * coefficient * (vector * noise).sum(-1)
    return total


def neumann(pullback: Pullback, noise: Tensor, coefficients: list[float]) -> Tensor:
    """Return the series' value with Eq. 8's gradient, which needs the memory of one term.

    The derivative of the sum is tr(dJ (I - J + J^2 - ...)): only the last product has a gradient.
    """
    with torch.no_grad():
        value = series(pullback, noise, coefficients)
        vector, total = noise, noise.clone()
        for k, coefficient in enumerate(coefficients, start=1):
            vector = pullback(vector)
            total = total + (-1) ** k * coefficient * vector
    surrogate = (pullback(total) * noise).sum(-1)
    return value + surrogate - surrogate.detach()


def roulette(exact_terms: int, drawn: int) -> list[float]:
    """Return the coefficients of a series of `exact_terms`, and then of `drawn` others, 1 or more.

    A term's is 1 over the probability that it comes, if `drawn` is geometric with p = 0.5.

    Example:
        >>> roulette(2, 3)
        [1.0, 1.0, 1.0, 2.0, 4.0]
    """
    return [1.0] * exact_terms + [(1 - GEOMETRIC_P) ** -k for k in range(drawn)]


def draw_terms() -> int:
    """Draw a number of terms, 1 or more, from torch's generator."""
    return int(torch.empty(()).geometric_(GEOMETRIC_P))
