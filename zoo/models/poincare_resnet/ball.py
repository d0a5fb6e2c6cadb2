"""The Poincare ball of curvature -c: {x : c |x|^2 < 1}, as 2006.08210 and 2003.00335 have it.

Points and tangent vectors are (B, C, ...): vectors lie along axis 1.

exp0: tangent vectors at 0 -> points    log0: back    x (+) y: Moebius addition
"""

from torch import Tensor

TINY = 1e-30  # under a root, whose slope at 0 is infinite
LIMIT = 1 - 4e-3  # sqrt(c) |x| of the points farthest from 0, as hypll has it in single precision
INSIDE = 1 - 1e-6  # and of what atanh is taken, which is infinite at 1


def length(x: Tensor) -> Tensor:
    """|x|, (B, 1, ...), more than 0."""
    return x.square().sum(1, keepdim=True).clamp_min(TINY).sqrt()


def project(x: Tensor, c: float) -> Tensor:
    """Pull points that are too near the border, or beyond, to where they can be computed with."""
    return x * (LIMIT / c**0.5 / length(x)).clamp_max(1)


def exp0(v: Tensor, c: float) -> Tensor:
    """The point that a tangent vector at 0 leads to."""
    n = c**0.5 * length(v)
    return v * (n.tanh().clamp_max(LIMIT) / n)


def log0(x: Tensor, c: float) -> Tensor:
    """The tangent vector at 0 that leads to a point."""
    n = c**0.5 * length(x)
    return x * (n.clamp_max(INSIDE).atanh() / n)


def add(x: Tensor, y: Tensor, c: float) -> Tensor:
    """x (+) y, which is not y (+) x."""
    xx, yy, xy = (p.sum(1, keepdim=True) for p in (x.square(), y.square(), x * y))
    over = (1 + 2 * c * xy + c * yy) * x + (1 - c * xx) * y
    return over / (1 + 2 * c * xy + c**2 * xx * yy).clamp_min(TINY)


def conformal(x: Tensor, c: float) -> Tensor:
    """How much longer vectors at a point are than at 0: 2 / (1 - c |x|^2)."""
    return 2 / (1 - c * x.square().sum(1, keepdim=True)).clamp_min(1e-15)


def gyration(u: Tensor, w: Tensor, v: Tensor, c: float) -> Tensor:
    """gyr[u, w] v: how v turns when it is carried from -w to u along the shortest way."""
    uu, ww = (p.square().sum(1, keepdim=True) for p in (u, w))
    uw, uv, wv = ((p * q).sum(1, keepdim=True) for p, q in ((u, w), (u, v), (w, v)))
    of_u = c * wv * (1 + 2 * c * uw) - c**2 * uv * ww
    of_w = -c * uv - c**2 * wv * uu
    return v + 2 * (of_u * u + of_w * w) / (1 + 2 * c * uw + c**2 * uu * ww).clamp_min(TINY)


def midpoint(x: Tensor, c: float) -> Tensor:
    """The gyromidpoint of all points, (1, C, 1, 1): a mean by weights, without iterations."""
    weight = conformal(x, c)
    mean = (weight * x).sum((0, 2, 3), keepdim=True) / (weight - 1).sum((0, 2, 3), keepdim=True)
    root = (1 - c * mean.square().sum(1, keepdim=True)).clamp_min(1e-15).sqrt()
    return mean / (1 + root)
