"""Generated series: an input and, step by step, the output that belongs to it.

seed -> input u, output y -> y a few steps ahead of u -> training, validation and test split

Formulas and splits are those of the data files and the code of the authors of 2508.21172; inputs
are drawn anew, by a seed, so that nothing has to be downloaded.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from zoo.data.benchmarks import Benchmark

Values = NDArray[np.float64]
Pair = tuple[Values, Values]  # (N, T, inputs), (N, T, outputs)

SEED = 0
DELAYS = 200  # of the memory capacity
LORENZ_SERIES, LORENZ_STEPS = 128, 400  # in each split
CHANNELS, FORCE, STEP = 5, 8.0, 0.01  # of Lorenz 96
TAU, SUBSTEPS, TRANSIENT = 17, 10, 1000  # of Mackey-Glass: delay, RK4 steps in 1, first steps


@dataclass(frozen=True, eq=False)
class Sequences:
    """One split. As samples: (input, output) of a series."""

    x: Values  # (N, T, inputs)
    y: Values  # (N, T, outputs)
    metric: str = "nrmse"  # or memory_capacity: outputs are the input 1, 2, ... steps before
    training: "Sequences | None" = None  # of a test split
    validation: "Sequences | None" = None  # of a test split

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int, /) -> Pair:
        return self.x[index], self.y[index]

    @property
    def fingerprint(self) -> str:
        """The sha256 of all numbers."""
        return hashlib.sha256(self.x.tobytes() + self.y.tobytes()).hexdigest()


def open_generated(benchmark: Benchmark, data: object = None) -> Sequences:
    """Return the test split of a benchmark, with its training and validation splits.

    Example:
        >>> from zoo.data.benchmarks import BENCHMARKS
        >>> narma = BENCHMARKS["sequences/narma30"].open()
        >>> narma.x.shape, narma.training.x.shape
        ((1, 2499, 1), (1, 4999, 1))
    """
    pairs = GENERATORS[benchmark.split]()
    metric = "memory_capacity" if benchmark.split == "memory_capacity" else "nrmse"
    training, validation, test = (Sequences(x, y, metric) for x, y in pairs)
    return replace(test, training=training, validation=validation)


def _split(u: Values, y: Values, ends: tuple[int, ...], ahead: int) -> list[Pair]:
    """Cut (T,) or (T, channels) at `ends`; y is taken `ahead` steps later than u."""
    u, y = u.reshape(len(u), -1), y.reshape(len(y), -1)
    return [
        (u[None, start : end - ahead], y[None, start + ahead : end])
        for start, end in zip((0, *ends), ends, strict=False)
    ]


def _uniform(steps: int, low: float, high: float) -> Values:
    return np.random.RandomState(SEED).uniform(low, high, steps)


def delay(values: Values, steps: int) -> Values:
    """Return what was `steps` before; 0 where nothing was."""
    return np.concatenate((np.zeros(steps), values[: len(values) - steps]))


def sinmem(u: Values, steps: int) -> Values:
    """y_t = sin(pi u_(t - steps))."""
    return np.sin(np.pi * delay(u, steps))


def ctxor(u: Values, steps: int) -> Values:
    """y_t = sign(r_t) r_t^2 with r_t = u_(t - steps) u_(t - steps - 1)."""
    r = delay(u, steps) * delay(u, steps + 1)
    return np.sign(r) * r**2


def narma(u: Values, order: int) -> Values:
    """y_(t+1) = 0.3 y_t + 0.01 y_t (y_t + ... + y_(t-n+1)) + 1.5 u_t u_(t-n+1) + 0.1.

    The first n values are 0.
    """
    y = np.zeros(len(u))
    for t in range(order - 1, len(u) - 1):
        last = y[t + 1 - order : t + 1].sum()
        y[t + 1] = 0.3 * y[t] + 0.01 * y[t] * last + 1.5 * u[t] * u[t + 1 - order] + 0.1
    return y


def mackey_glass(history: Values, steps: int) -> Values:
    """Return `steps` values of tanh(x - 1), 1 apart, of the equation of Mackey and Glass.

    x' = 0.2 x_(t - 17) / (1 + x_(t - 17)^10) - 0.1 x, by Runge-Kutta's method.

    Args:
        history: x at the 17 * SUBSTEPS + 1 places up to the start, 1 / SUBSTEPS apart.
        steps: Values to return, the start the first of them.
    """
    size, lag = 1 / SUBSTEPS, TAU * SUBSTEPS
    x = [float(value) for value in history]
    for i in range((steps - 1) * SUBSTEPS):
        late, later, now = x[i], x[i + 1], x[i + lag]
        rises = [0.2 * d / (1 + d**10) for d in (late, (late + later) / 2, later)]
        k1 = rises[0] - 0.1 * now
        k2 = rises[1] - 0.1 * (now + size / 2 * k1)
        k3 = rises[1] - 0.1 * (now + size / 2 * k2)
        k4 = rises[2] - 0.1 * (now + size * k3)
        x.append(now + size / 6 * (k1 + 2 * k2 + 2 * k3 + k4))
    return np.tanh(np.array(x[lag::SUBSTEPS]) - 1)


def lorenz96(x: Values) -> Values:
    """Return x'_i = (x_(i+1) - x_(i-2)) x_(i-1) - x_i + 8: (..., channels)."""
    before = np.roll(x, 1, -1)
    return (np.roll(x, -1, -1) - np.roll(x, 2, -1)) * before - x + FORCE


@cache
def _mackey_glass() -> Values:
    start = np.full(TAU * SUBSTEPS + 1, 1.2)
    return mackey_glass(start, TRANSIENT + 10_000)[TRANSIENT:]


def _lorenz96(ahead: int) -> list[Pair]:
    """Return 128 series of 400 steps a split, from starts near the resting point."""
    random = np.random.RandomState(SEED)
    times = STEP * np.arange(LORENZ_STEPS + ahead)
    splits = []
    for _ in range(3):
        start = FORCE - 0.5 + random.uniform(size=LORENZ_SERIES * CHANNELS)
        solved = solve_ivp(
            lambda _, x: lorenz96(x.reshape(-1, CHANNELS)).flatten(),
            times[[0, -1]],
            start,
            method="DOP853",
            t_eval=times,
            rtol=1e-9,
            atol=1e-9,
        )
        series = solved.y.reshape(LORENZ_SERIES, CHANNELS, -1).transpose(0, 2, 1)
        splits.append((series[:, :LORENZ_STEPS], series[:, ahead:]))
    return splits


def _memory(output: Callable[[Values, int], Values], steps: int) -> list[Pair]:
    u = _uniform(6_000, -0.8, 0.8)
    return _split(u, output(u, steps), (4_000, 5_000, 6_000), ahead=1)


def _narma(order: int) -> list[Pair]:
    u = _uniform(10_000, 0, 0.5)
    return _split(u, narma(u, order), (5_000, 7_500, 10_000), ahead=1)


def _forecast(ahead: int) -> list[Pair]:
    return _split(_mackey_glass(), _mackey_glass(), (5_000, 7_500, 10_000), ahead)


def _memory_capacity() -> list[Pair]:
    u = _uniform(7_000, -0.8, 0.8)
    delayed = np.stack([delay(u, k) for k in range(1, DELAYS + 1)], -1)
    return _split(u, delayed, (5_000, 6_000, 7_000), ahead=0)


GENERATORS: dict[str, Callable[[], Any]] = {
    "memory_capacity": _memory_capacity,
    "sinmem10": partial(_memory, sinmem, 10),
    "sinmem20": partial(_memory, sinmem, 20),
    "ctxor5": partial(_memory, ctxor, 5),
    "ctxor10": partial(_memory, ctxor, 10),
    "narma30": partial(_narma, 30),
    "narma60": partial(_narma, 60),
    "mackey_glass1": partial(_forecast, 1),
    "mackey_glass84": partial(_forecast, 84),
    "lorenz96_25": partial(_lorenz96, 25),
}
