"""What is solved for in random feature boosting, in closed form or by Newton's method (2501.18283).

N samples; features F (N, p); representation Phi (N, D); outputs (N, d); head W (D, d).
"""

import torch
import torch.nn.functional as F
from scipy.optimize import brentq
from torch import Tensor, nn

LINE_SEARCH_L2 = 1e-5  # of the length of a step
ITERATIONS = 300  # of L-BFGS, at most


def ridge(x: Tensor, y: Tensor, l2: float) -> tuple[Tensor, Tensor]:
    """Return (W, b) of min |X W + b - Y|^2 / N + l2 |W|^2, with Y scaled to unit variance.

    Args:
        x: (N, p), which is centred, not scaled.
        y: (N, d).
        l2: of N times the identity.
    """
    x_mean, y_mean = x.mean(0, keepdim=True), y.mean(0, keepdim=True)
    y_std = y.std(0, keepdim=True).clamp(1e-6)
    centred, (n, p) = x - x_mean, x.shape
    gram = centred.T @ centred + l2 * n * torch.eye(p, dtype=x.dtype, device=x.device)
    weight = torch.linalg.solve(gram, centred.T @ ((y - y_mean) / y_std)) * y_std
    return weight, (y_mean - x_mean @ weight)[0]


def logistic(x: Tensor, y: Tensor, l2: float) -> tuple[Tensor, Tensor]:
    """Return (W, b) of logistic regression by L-BFGS, from torch's random start.

    Args:
        x: (N, p).
        y: (N, 1) of 0 and 1, or (N, d) one-hot.
        l2: of |W|^2, added to the mean cross entropy.
    """
    linear = nn.Linear(x.shape[1], y.shape[1], dtype=x.dtype, device=x.device)
    optimizer = torch.optim.LBFGS(linear.parameters(), lr=1.0, max_iter=ITERATIONS)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = cross_entropy(linear(x), y) + l2 * torch.sum(linear.weight**2)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    with torch.enable_grad():
        optimizer.step(closure)  # type: ignore[no-untyped-call]
    return linear.weight.detach().T, linear.bias.detach()


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """Return the mean cross entropy, of one logit or of several."""
    if y.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(logits, y)
    return F.cross_entropy(logits, y.argmax(1))


def probabilities(logits: Tensor) -> Tensor:
    """Return probabilities of classes, of one logit or of several."""
    return logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(1)


def newton_length(logits: Tensor, change: Tensor, y: Tensor) -> float:
    """Return a of min CE(logits + a * change) + 1e-5 a^2, the zero of its derivative.

    The derivative grows with a, so that the zero is the only one.
    """
    logits, change, y = logits.double(), change.double(), y.double()

    def derivative(a: float) -> float:
        error = probabilities(logits + a * change) - y
        return float((error * change).sum(1).mean()) + 2 * LINE_SEARCH_L2 * a

    if not (slope := derivative(0.0)):
        return 0.0
    end = -1.0 if slope > 0 else 1.0
    while derivative(end) * slope > 0:
        end *= 2
    return float(brentq(derivative, 0.0, end, xtol=1e-12))


def scalar(r: Tensor, w: Tensor, f: Tensor, l2: float) -> Tensor:
    """Return a of min |R - a F W|^2 / N + l2 a^2: ()."""
    n, fw = len(f), f @ w
    return torch.sum(r * fw / n) / (torch.sum(fw * fw / n) + l2)


def diagonal(r: Tensor, w: Tensor, f: Tensor, l2: float) -> Tensor:
    """Return d of min |R - F diag(d) W|^2 / N + l2 |d|^2: (D,)."""
    n, width = f.shape
    target = torch.mean((r @ w.T) * f, 0)
    gram = (w @ w.T) * (f.T @ f) / n
    return torch.linalg.solve(gram + l2 * torch.eye(width, dtype=f.dtype, device=f.device), target)


def dense(r: Tensor, w: Tensor, f: Tensor, l2: float) -> Tensor:
    """Return Delta of min |R - F Delta W|^2 / N + l2 |Delta|^2: (p, D).

    In the eigenvectors of W W' and F'F, where every entry stands by itself (Theorem 3.1).
    """
    w_values, u = torch.linalg.eigh(w @ w.T)
    f_values, v = torch.linalg.eigh(f.T @ f)
    rotated = torch.linalg.multi_dot((u.T, w, r.T, f, v))
    return (u @ (rotated / (len(f) * l2 + w_values[:, None] * f_values)) @ v.T).T
