"""Frac-connections (2503.14125), for any transformer of the zoo.

h -> (m fractions -> Y: input of the sublayer; A: skip past it -> B: output) x 2 L -> h

>>> zoo.create("gpt2", connections=FracConnections)
"""

from typing import Any, cast

import torch
from torch import Tensor, nn

from zoo.modules.connections import ResidualStream, Sublayer
from zoo.modules.norms import RMSNorm


class FracConnection(nn.Module):
    """The weights of a sublayer: H, (B, T, m, D / m) -> B^T, Y, A in one matrix, (m, 2 m + 1).

    There is a matrix for each token if `dynamic` (Eqs. 11 to 14). Initially B = 1, Y = A = 1, W = 0
    (Eq. 15), s = 0.01 (App. A). The static weights are stored as a vector: they do not decay and W
    does (Sec. 4.3), and recipes do not decay vectors.
    """

    def __init__(self, width: int, m: int, *, dynamic: bool) -> None:
        super().__init__()
        eye = torch.eye(m)
        self.static = nn.Parameter(torch.cat([torch.ones(m, 1), eye, eye], 1).flatten())
        self.m, self.dynamic = m, dynamic
        if dynamic:
            self.norm = RMSNorm(width // m, eps=1e-5)  # |theta_norm| = D / m, Sec. 4.4
            self.w = nn.Parameter(torch.zeros(width // m, 2 * m + 1))  # W_beta, W_gamma, W_alpha
            self.s_beta = nn.Parameter(torch.full((1,), 0.01))
            self.s_alpha = nn.Parameter(torch.full((1,), 0.01))

    def forward(self, h: Tensor) -> Tensor:
        # a clone, because hooks know no views of parameters
        static = self.static.view(self.m, 2 * self.m + 1).clone()
        if not self.dynamic:
            return static
        dynamic = (self.norm(h) @ self.w).tanh()
        return static + dynamic * torch.cat([self.s_beta, self.s_alpha.expand(2 * self.m)])


class FracConnections(ResidualStream):
    """The stream keeps its width, (B, T, D); the defaults are DFC x 4.

    Initially it is the plain residual stream, exactly.
    """

    def __init__(self, layers: int, width: int, *, m: int = 4, dynamic: bool = True) -> None:
        super().__init__(layers, width)
        if m < 1 or width % m:
            raise ValueError(f"the frac-rate m must divide the width (Eq. 6), not {m} of {width}")
        self.m = m
        self.sublayers = nn.ModuleList(
            FracConnection(width, m, dynamic=dynamic) for _ in range(2 * layers)
        )

    def read(self, sublayer: Sublayer, stream: Tensor) -> tuple[Tensor, Any]:
        """Alg. 1, line 4, and the second term of Eq. 8: Y^T H, concatenated; A^T H with B."""
        h = cast(Any, stream).unflatten(2, (self.m, -1))
        weights = self.sublayers[2 * sublayer.layer + (not sublayer.is_attention)](h)
        mixed = weights[..., 1:].mT @ h
        return mixed[:, :, : self.m].flatten(2), (mixed[:, :, self.m :], weights[..., :1])

    def write(self, sublayer: Sublayer, stream: Tensor, residual: Any, out: Tensor) -> Tensor:
        """Eq. 8: B o T(Y^T H) + A^T H, fraction by fraction."""
        mixed, beta = residual
        return (mixed + beta * cast(Any, out).unflatten(2, (self.m, -1))).flatten(2)
