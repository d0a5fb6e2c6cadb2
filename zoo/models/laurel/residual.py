"""The learned augmented residual layer of LAuReL (2411.07501, Eq. 2 to 6).

x_{i+1} = alpha f(x_i) + beta (x_i + sum_j gamma_j B_j A_j x_{i-j})      j = 0 .. k - 1
          RW             RW        PA        LR                          LR alone: j = 0
"""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.modules.stages import pick

PARTS = {
    "": (False, False, False),
    "rw": (True, False, False),
    "lr": (False, True, False),
    "pa": (False, False, True),
    "rw+lr": (True, True, False),
    "rw+lr+pa": (True, True, True),
}
K = 3  # activations that PA sees (Sec. 5: "k = 3 seems sufficient in our experiments")


def unbounded(weights: Tensor) -> Tensor:
    """alpha and beta as they are; the paper found that they should be bounded."""
    return weights


NORMALISATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "softmax": partial(torch.softmax, dim=0),
    "sigmoid": torch.sigmoid,
    "none": unbounded,
}


class LowRank(nn.Module):
    """B A x (Eq. 3) over the channels: (B, D, H, W), or for language (.., D).

    A is (r, D), initially Xavier's or, for `language`, spread over the columns (footnote 2); B is
    (D, r), initially 0.
    """

    def __init__(self, width: int, rank: int, *, language: bool) -> None:
        super().__init__()
        self.A = nn.Parameter(torch.empty(rank, width))
        self.B = nn.Parameter(torch.zeros(width, rank))
        nn.init.xavier_uniform_(self.A)
        self.language = language
        if language:
            of_rank = torch.arange(width) % rank == torch.arange(rank)[:, None]
            self.A.data = of_rank / (rank * width) ** 0.5

    def forward(self, x: Tensor) -> Tensor:
        if self.language:
            return F.linear(F.linear(x, self.A), self.B)
        return F.conv2d(F.conv2d(x, self.A[..., None, None]), self.B[..., None, None])

    def folded(self) -> Tensor:
        """Return W - I, (D, D)."""
        return self.B @ self.A


class Laurel(nn.Module):
    """Eq. 2 for one layer: f(x_i) and x_i, x_{i-1}, .. of one shape -> x_{i+1}.

    `parts` names one of the paper's versions; `earlier` is the number of activations, with x_i.
    RW's two weights are normalised by softmax, by sigmoid, or not at all (Sec. 2.1). With PA alone
    each h is the identity and its gamma starts at 0 (Table 5's counts); with LR, gamma starts at 1.
    Raises ValueError for parts or a normalisation that the paper lacks, and for a rank below 1.
    """

    def __init__(
        self,
        width: int,
        *,
        parts: str,
        rank: int,
        earlier: int = 1,
        normalisation: str = "softmax",
        language: bool = False,
    ) -> None:
        super().__init__()
        weights, low_rank, previous = pick(PARTS, parts, "parts (Sec. 2)")
        self.normalise = pick(NORMALISATIONS, normalisation, "normalisation (Sec. 2.1)")
        if rank < 1:
            raise ValueError(f"rank must be at least 1 (Sec. 2.2), not {rank}")
        terms = earlier if previous else 1
        first = 1.0 if normalisation == "none" else 0.0
        self.weights = nn.Parameter(torch.full((2,), first)) if weights else None
        self.gamma = nn.Parameter(torch.full((terms,), float(low_rank))) if previous else None
        self.maps = nn.ModuleList(
            LowRank(width, rank, language=language) if low_rank else nn.Identity()
            for _ in range(terms * (low_rank or previous))
        )

    def forward(self, branch: Tensor, *stream: Tensor) -> Tensor:
        """f(x_i) and x_i, x_{i-1}, .. -> x_{i+1}."""
        g = stream[0]
        for j, (h, x) in enumerate(zip(self.maps, stream, strict=False)):
            g = g + (h(x) if self.gamma is None else self.gamma[j] * h(x))
        if self.weights is None:
            return branch + g
        weights = self.normalise(self.weights)
        return weights[0] * branch + weights[1] * g
