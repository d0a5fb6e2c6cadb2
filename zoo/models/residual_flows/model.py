"""Residual Flows (Chen et al., NeurIPS 2019, 1906.02735): invertible residual blocks as a density.

x -> x + g(x) -> ... -> z        log p(x) = log N(z; 0, I) + sum of log |det(I + dg / dx)|
x <- z - g(x) <- ... <- z        iterated to the fixed point
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from zoo.models.residual_flows import logdet
from zoo.models.residual_flows.blocks import linear_block

ESTIMATORS = ("roulette", "truncated", "exact")


class ResidualFlow2d(nn.Module):
    """A density of points of the plane: (B, 2) -> log p, (B,) in nats.

    The logarithm of the determinant is exact in evaluation, an estimate in training.

    Args:
        blocks: Residual blocks.
        widths: Units of a block's hidden layers.
        norms: Exponents of the norms before and after each linear layer; 2 everywhere is the
            spectral norm. The last must be the first, so that one norm bounds a block.
        coeff: Bound of each layer's norm, and so a bound of the block's Lipschitz constant.
        estimator: In training, of log |det|: "roulette", without bias; "truncated", some terms
            of the series alone; "exact".
        terms: Terms that always come; all of a truncated series.
        gradient: "series" or, with less memory, "neumann".

    Raises ValueError for a number or a name that is none of these.

    Example:
        >>> ResidualFlow2d(blocks=2).eval()(torch.zeros(3, 2)).shape
        torch.Size([3])
    """

    def __init__(
        self,
        *,
        blocks: int = 100,
        widths: tuple[int, ...] = (128, 128, 128, 128),
        norms: tuple[float, ...] = (2.0,) * 6,
        coeff: float = 0.9,
        estimator: str = "roulette",
        terms: int = 2,
        gradient: str = "series",
    ) -> None:
        if estimator not in ESTIMATORS or gradient not in logdet.GRADIENTS:
            raise ValueError(
                f"estimator is of {', '.join(ESTIMATORS)} and gradient of "
                f"{', '.join(logdet.GRADIENTS)}, not {estimator!r} and {gradient!r}"
            )
        if min(blocks, terms, *widths) < 1 or not 0 < coeff < 1:
            raise ValueError(
                "blocks, terms and widths must be 1 or more and coeff between 0 and 1 (Sec. 2), "
                f"not {blocks}, {terms}, {widths} and {coeff}"
            )
        if len(norms) != len(widths) + 2 or norms[0] != norms[-1] or min(norms) < 1:
            raise ValueError(
                f"{len(widths) + 1} layers need {len(widths) + 2} norms of 1 or more, the last as "
                f"the first, not {norms}"
            )
        super().__init__()
        self.estimator, self.terms, self.gradient = estimator, terms, gradient
        sizes = (2, *widths, 2)
        made = [linear_block(sizes, norms, coeff) for _ in range(blocks)]
        with torch.no_grad():
            for block in made:  # the flow begins near identity
                block.layers[-1].weight.div_(1000)
        self.blocks: Any = nn.ModuleList(made)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return z (B, 2), and log |det dz / dx| (B,)."""
        total = x.new_zeros(len(x))
        for block in self.blocks:
            step, pullback = block.residual(x)
            total = total + self._log_determinant(pullback, x)
            x = x + step
        return x, total

    def _log_determinant(self, pullback: logdet.Pullback, x: Tensor) -> Tensor:
        if not self.training or self.estimator == "exact":
            return logdet.exact(pullback, x)
        coefficients = [1.0] * self.terms
        if self.estimator == "roulette":
            coefficients = logdet.roulette(self.terms, logdet.DISTRIBUTIONS["geometric"].draw(None))
        return logdet.GRADIENTS[self.gradient](pullback, torch.randn_like(x), coefficients)

    def forward(self, x: Tensor) -> Tensor:
        z, log_determinant = self.encode(x)
        normal = -0.5 * z.square().sum(1) - math.log(2 * math.pi)
        return normal + log_determinant

    @torch.no_grad()
    def inverse(self, z: Tensor) -> Tensor:
        """Return the points that z comes from, (B, 2) each."""
        for block in reversed(self.blocks):
            z = block.inverse(z)
        return z

    def sample(self, points: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw points from the density: (points, 2)."""
        like = self.blocks[0].layers[0].weight
        z = torch.randn(points, 2, generator=generator, dtype=like.dtype)
        return self.inverse(z.to(like.device))
