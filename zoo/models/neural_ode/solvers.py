"""Solutions of dh/dt = f(t, h) (Eq. 2) from t = 0 to t = 1, with gradients.

fixed steps: unrolled, a residual network of shared weights      adaptive, or adjoint: torchdiffeq
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor, fx, nn

Field = Callable[[float, Tensor], Tensor]  # (t, h) -> dh/dt
# Runge-Kutta methods with fixed steps: for each slope the weights of those before it, and the
# weights of the sum. As torchdiffeq has them; its "rk4" is Kutta's 3/8 rule.
FIXED: dict[str, tuple[tuple[tuple[float, ...], ...], tuple[float, ...]]] = {
    "euler": (((),), (1,)),
    "midpoint": (((), (1 / 2,)), (0, 1)),
    "rk4": (((), (1 / 3,), (-1 / 3, 1), (1, -1, 1)), (1 / 8, 3 / 8, 3 / 8, 1 / 8)),
}
ADAPTIVE = ("dopri5", "dopri8", "bosh3", "adaptive_heun")


@dataclass(frozen=True, kw_only=True)
class Solver:
    """A method, how exact it is, and how its gradients are computed."""

    method: str = "dopri5"  # one of FIXED or ADAPTIVE, by torchdiffeq's name
    tolerance: float = 1e-3  # of an adaptive method: of the error in a step, relative and absolute
    steps: int = 1  # of a method with fixed steps, of equal width
    adjoint: bool = False  # gradients by an ODE that is solved backwards (Sec. 2): nothing is kept

    def __post_init__(self) -> None:
        if self.method not in (*FIXED, *ADAPTIVE):
            names = ", ".join((*FIXED, *ADAPTIVE))
            raise ValueError(f"method must be one of {names}, not {self.method!r}")
        if self.tolerance <= 0 or self.steps < 1:
            raise ValueError(
                "tolerance must be above 0 and steps 1 or more (0 to 1 is integrated), not "
                f"{self.tolerance} and {self.steps}"
            )

    def __call__(self, f: nn.Module, h: Tensor) -> Tensor:
        """h(0) -> h(1), of the same shape.

        Raises:
            ValueError: Steps that depend on values are to become part of a graph.
            FloatingPointError: No step is short enough for the tolerance, or f is not finite.
            ImportError: torchdiffeq is needed and not installed.
        """
        if self.method in FIXED and not self.adjoint:
            return unroll(f, h, self.method, self.steps)
        return integrate(f, h, self)


def make_solver(options: Mapping[str, Any]) -> Solver:
    """Return the solver with these fields. Raises ValueError for one that there is not."""
    known = [field.name for field in fields(Solver)]
    if unknown := [name for name in options if name not in known]:
        raise ValueError(f"solver has no {unknown[0]!r}; it has {', '.join(known)}")
    return Solver(**options)


def unroll(f: Field, h: Tensor, method: str, steps: int) -> Tensor:
    """Take fixed steps. One of Euler's is a residual block, h + f(0, h) (Eq. 1)."""
    rows, weights = FIXED[method]
    width = 1 / steps
    for step in range(steps):
        slopes: list[Tensor] = []
        for row in rows:
            slopes.append(f((step + sum(row)) * width, advance(h, width, row, slopes)))
        h = advance(h, width, weights, slopes)
    return h


def advance(h: Tensor, width: float, weights: Sequence[float], slopes: Sequence[Tensor]) -> Tensor:
    """Return h + width * (weights . slopes)."""
    for weight, slope in zip(weights, slopes, strict=True):
        if weight:
            h = h + width * weight * slope
    return h


@torch.compiler.disable  # type: ignore[untyped-decorator]
def integrate(f: nn.Module, h: Tensor, solver: Solver) -> Tensor:
    """Solve by torchdiffeq, in float32 or float64.

    Without values (on the meta device) the result has a shape alone, and one evaluation of f
    stands for all.
    """
    if isinstance(h, fx.Proxy) or torch.compiler.is_compiling():
        raise ValueError(
            f"{solver.method}{' with the adjoint' * solver.adjoint} is no fixed list of "
            "operations; take fixed steps, such as solver={'method': 'rk4', 'steps': 8}"
        )
    if h.is_meta:
        return h + f(0.0, h)
    try:
        import torchdiffeq
    except ImportError:
        raise ImportError(
            f"{solver.method} is torchdiffeq's: pip install 'residual-zoo[ode]', or take fixed "
            "steps, such as solver={'method': 'rk4', 'steps': 8}"
        ) from None

    def field(t: Tensor, state: Tensor) -> Tensor:
        return f(t, state.to(h.dtype)).to(state.dtype)

    def grid(_: Field, state: Tensor, ends: Tensor) -> Tensor:
        shares = torch.arange(solver.steps + 1, dtype=ends.dtype, device=ends.device) / solver.steps
        return ends[0] + (ends[-1] - ends[0]) * shares

    start = h.to(torch.promote_types(h.dtype, torch.float32))
    settings = {
        "t": torch.tensor([0.0, 1.0], dtype=start.dtype, device=start.device),
        "method": solver.method,
        "rtol": solver.tolerance,
        "atol": solver.tolerance,
        "options": {"grid_constructor": grid} if solver.method in FIXED else None,
    }
    try:
        if solver.adjoint:
            parameters = tuple(f.parameters())
            states = torchdiffeq.odeint_adjoint(field, start, adjoint_params=parameters, **settings)
        else:
            states = torchdiffeq.odeint(field, start, **settings)
    except AssertionError as error:
        raise FloatingPointError(
            f"{solver.method} has no solution within {solver.tolerance:g}: {error}"
        ) from None
    return states[1].to(h.dtype)
