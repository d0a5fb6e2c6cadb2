"""Hyper-connections (2409.19606), for any transformer of the zoo.

h_0 -> n copies -> (width-connections -> sublayer -> depth-connections) x 2 L -> their sum

>>> zoo.create("gpt2", connections=HyperConnections)
"""

from typing import Any

import torch
from torch import Tensor, nn

from zoo.modules.connections import ResidualStream, Sublayer
from zoo.modules.swiglu_decoder import PlainNorm


class HyperConnection(nn.Module):
    """The weights of sublayer k: H, (B, T, n, D) -> B^T, A_m, A_r in one matrix, (n, n + 2).

    There is a matrix for each token if `dynamic` (Eqs. 10 to 13). Initially B = 1, A_m =
    e_{k mod n}, A_r = 1, W = 0 (Eq. 14), s = 0.01 (App. J). The static weights are stored as a
    vector: they do not decay and W does (Sec. 4), and recipes do not decay vectors.
    """

    def __init__(self, width: int, n: int, k: int, *, dynamic: bool, tanh: bool) -> None:
        super().__init__()
        eye = torch.eye(n)
        columns = [torch.ones(n, 1), eye[:, [k % n]], eye]
        self.static = nn.Parameter(torch.cat(columns, 1).flatten())
        self.n, self.dynamic, self.tanh = n, dynamic, tanh
        if dynamic:
            self.norm = PlainNorm(width)  # as OLMo's, without parameters (App. B)
            self.w = nn.Parameter(torch.zeros(width, n + 2))  # W_beta, W_m, W_r side by side
            self.s_beta = nn.Parameter(torch.full((1,), 0.01))
            self.s_alpha = nn.Parameter(torch.full((1,), 0.01))

    def forward(self, h: Tensor) -> Tensor:
        static = self.static.view(self.n, self.n + 2).clone()  # hooks know no views of parameters
        if not self.dynamic:
            return static
        dynamic = self.norm(h) @ self.w
        dynamic = dynamic.tanh() if self.tanh else dynamic
        return static + dynamic * torch.cat([self.s_beta, self.s_alpha.expand(self.n + 1)])


class HyperConnections(ResidualStream):
    """The stream is the hyper hidden matrix, (B, T, n, D); the defaults are DHC x 4.

    A sublayer is a layer k = 1 ... 2 L of Alg. 1. Initially every copy is the plain residual
    stream, and their sum n times that of a pre-norm transformer.
    """

    def __init__(
        self, layers: int, width: int, *, n: int = 4, dynamic: bool = True, tanh: bool = True
    ) -> None:
        super().__init__(layers, width)
        if n < 1:
            raise ValueError(f"the expansion rate n must be at least 1 (Sec. 2.1), not {n}")
        self.n = n
        self.sublayers = nn.ModuleList(
            HyperConnection(width, n, k, dynamic=dynamic, tanh=tanh)
            for k in range(1, 2 * layers + 1)
        )

    def expand(self, x: Tensor) -> Tensor:
        return x.unsqueeze(2).expand(-1, -1, self.n, -1)

    def read(self, sublayer: Sublayer, stream: Tensor) -> tuple[Tensor, Any]:
        """Eqs. 3 and 4: h_0 = A_m^T H, and H' = A_r^T H with B."""
        weights = self.sublayers[2 * sublayer.layer + (not sublayer.is_attention)](stream)
        mixed = weights[..., 1:].mT @ stream
        return mixed[:, :, 0], (mixed[:, :, 1:], weights[..., :1])

    def write(self, sublayer: Sublayer, stream: Tensor, residual: Any, out: Tensor) -> Tensor:
        """Eq. 5: B^T T(h_0) + H'."""
        mixed, beta = residual
        added: Tensor = mixed + beta * out.unsqueeze(2)
        return added

    def collapse(self, stream: Tensor) -> Tensor:
        return stream.sum(2)
