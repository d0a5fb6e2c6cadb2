"""Generalised residual networks (2502.06785, Sec. 3.1): a sum of earlier outputs, with weights.

f_0 (the input), f_1 .. f_{t-1} -> g_t = sum_i f_i (b_i + relu(w . f_i))
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

VERSIONS = ("v1", "v2", "v3")


class GRN(nn.Module):
    """GRN-v1 to v3 of `sources` outputs: (B, T, D) each -> (B, T, instances, D).

    v1: a weight for each source. v2: also for each dimension (Eq. 3.2). v3: and one that depends on
    the source itself, relu(w . f_i) (Eq. 3.3), whose w is shared by all sources, as printed, or of
    each source (`per_source`), as the printed counts have it. Initially all b = 1, w = 0: the plain
    residual sum. `instances` are independent of each other.
    """

    def __init__(
        self,
        width: int,
        sources: int,
        version: str,
        *,
        instances: int = 1,
        per_source: bool = False,
    ) -> None:
        super().__init__()
        if version not in VERSIONS:
            raise ValueError(f"version must be one of {', '.join(VERSIONS)}, not {version!r}")
        self.b = nn.Parameter(torch.ones(instances, sources, 1 if version == "v1" else width))
        self.w: nn.Parameter | None = None
        if version == "v3":
            vectors = sources if per_source else 1
            self.w = nn.Parameter(torch.zeros(instances, vectors, width))

    def forward(self, sources: Sequence[Tensor]) -> Tensor:
        total: Tensor | None = None
        for i, f in enumerate(sources):
            weights = self.b[:, i]
            if self.w is not None:
                scores = f @ self.w[:, i if self.w.shape[1] > 1 else 0].mT
                weights = weights + scores.relu().unsqueeze(-1)
            term = f.unsqueeze(2) * weights
            total = term if total is None else total + term
        if total is None:
            raise ValueError("a GRN needs at least one source")
        return total


class Window:
    """How many sources a GRN has: the input, the last `k`, and the sum of those between.

    Without `k`, all of them.
    """

    def __init__(self, k: int | None) -> None:
        if k is not None and k < 1:
            raise ValueError(f"k must be at least 1 (Sec. 3.1), or None for all, not {k}")
        self.k = k

    def size(self, outputs: int) -> int:
        """Return the number of sources after `outputs` outputs, the input among them."""
        return outputs if self.k is None else min(outputs, self.k + 2)

    def add(self, sources: tuple[Tensor, ...], output: Tensor) -> tuple[Tensor, ...]:
        """Append an output; the oldest of the last k joins the sum."""
        sources = (*sources, output)
        if self.k is None or len(sources) <= self.k + 2:
            return sources
        first, between, oldest, *last = sources
        return first, between + oldest, *last
