"""Normal numbers as MATLAB draws them after randn('seed', 0), its generator before version 5.

s_i = 7^5 s_{i-1} mod (2^31 - 1)   u_i = s_i / (2^31 - 1)   x = 2 u_{2k} - 1, y = 2 u_{2k+1} - 1
r = x^2 + y^2 <= 1, or the next pair   ->   x sqrt(-2 ln(r) / r)

The other number of a pair, y sqrt(-2 ln(r) / r), is not used. Papers on denoising add this noise.
"""

import math

import numpy as np
from numpy.typing import NDArray

MULTIPLIER, MODULUS = 7**5, 2**31 - 1
FIRST = 470_211_272  # s_0: the first uniform number is 0.2190


def randn(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return what randn(shape) is after randn('seed', 0), filled column by column as MATLAB does.

    Example:
        >>> randn((2, 2)).round(4).tolist()
        [[1.165, 0.0751], [0.6268, 0.3516]]
    """
    size = math.prod(shape)
    pairs = 2 * _uniform(2 * int(1.4 * size + 32)).reshape(-1, 2) - 1  # pi / 4 of them are kept
    r = (pairs**2).sum(1)
    inside = r <= 1
    x, r = pairs[inside, 0][:size], r[inside][:size]
    return (x * np.sqrt(-2 * np.log(r) / r)).reshape(shape, order="F")


def _uniform(size: int) -> NDArray[np.float64]:
    """Draw uniform numbers, twice as many in each step: s_{i+n} = MULTIPLIER^n s_i."""
    states = np.array([FIRST])
    while len(states) < size:
        jump = pow(MULTIPLIER, len(states), MODULUS)
        states = np.concatenate([states, states * jump % MODULUS])
    return states[:size] / MODULUS
