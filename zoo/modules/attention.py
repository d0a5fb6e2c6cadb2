"""Causal self-attention, with rotary positions, a norm of queries and keys, and a static cache.

x -> q, k, v -> (norm) -> rotate -> (cache) -> softmax(q k' / sqrt(d)) v -> wo
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.modules.norms import RMSNorm


def head_width(width: int, heads: int) -> int:
    """Of each of the heads. Raises ValueError if they do not divide the width."""
    if heads < 1 or width % heads:
        raise ValueError(f"width must be a multiple of heads, not {width} for {heads} heads")
    return width // heads


class Cache:
    """Keys and values of `length` tokens, allocated once: keys in each slot, values in those that
    own them.

    `owners` has the slot, for each, whose values it attends to: itself, or one before it. `filled`
    tokens are there. `padding`, (B,), is how many of the first of each row are not to be seen.
    """

    def __init__(
        self,
        owners: Sequence[int],
        shape: tuple[int, int, int, int],
        like: Tensor,
        padding: Tensor | None,
    ) -> None:
        self.length, self.filled, self.padding = shape[2], 0, padding
        self.owners = list(owners)
        self.keys = [like.new_zeros(shape) for _ in owners]  # (B, heads, length, D / heads)
        self.values = {slot: like.new_zeros(shape) for slot in sorted(set(owners))}

    def extend(self, slot: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Keeps the keys and values of new tokens; those of all tokens so far."""
        end, owner = self.filled + k.shape[2], self.owners[slot]
        self.keys[slot][:, :, self.filled : end] = k
        if owner == slot:
            self.values[slot][:, :, self.filled : end] = v
        return self.keys[slot][:, :, :end], self.values[owner][:, :, :end]


@dataclass(frozen=True)
class Rotary:
    """Rotary positions (2104.09864) on the first `dims` of each head, pairing x_j, x_{j + dims/2}.

    Sines and cosines are rounded to `dtype`, as the code was that the weights are run with.
    """

    dims: int
    base: float = 10_000.0
    dtype: torch.dtype = torch.float32

    def __post_init__(self) -> None:
        if self.dims < 2 or self.dims % 2:
            raise ValueError(
                f"heads must have an even number of rotary dimensions, not {self.dims}"
            )

    def tables(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """(B or 1, T) -> cosines and sines, (B or 1, T, 1, dims / 2)."""
        exponents = torch.arange(0, self.dims, 2, device=positions.device).float() / self.dims
        angles = positions[..., None].float() * (1.0 / self.base**exponents)
        cos, sin = angles.cos().to(self.dtype), angles.sin().to(self.dtype)
        return cos[:, :, None], sin[:, :, None]


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """(B, T, heads, d) by the tables of a Rotary, in float32 or better."""
    half = cos.shape[-1]
    wide = torch.promote_types(x.dtype, torch.float32)
    cos, sin = cos.to(wide), sin.to(wide)
    first, second, rest = torch.split(x, [half, half, x.shape[-1] - 2 * half], -1)
    turned = (first * cos - second * sin, second * cos + first * sin)
    return torch.cat([part.to(x.dtype) for part in turned] + [rest], -1)


@dataclass(frozen=True)
class Pass:
    """One forward pass: where its tokens stand, and what they may see."""

    tables: tuple[Tensor, Tensor] | None = None
    cache: Cache | None = None
    mask: Tensor | None = None  # (B or 1, 1, T, tokens so far), True where they may
    causal: bool = True  # without a mask: only itself and those before


class Attention(nn.Module):
    """`heads` heads of width / heads: (B, T, D) -> (B, T, D).

    With `separate` inputs, Q, K and V have projections of their own (wq, wk, wv), else one (wqkv).
    Without `values` there is none for V (no wv, or wqk): it comes from elsewhere. With `qk_eps`,
    queries and keys are normalised (RMSNorm over a head) before they are turned.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        bias: bool,
        separate: bool = False,
        values: bool = True,
        qk_eps: float | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        each = head_width(width, heads)
        self.heads, self.dropout = heads, dropout
        self.separate, self.values = separate, values
        if separate:
            self.wq = nn.Linear(width, width, bias)
            self.wk = nn.Linear(width, width, bias)
            if values:
                self.wv = nn.Linear(width, width, bias)
        elif values:
            self.wqkv = nn.Linear(width, 3 * width, bias)
        else:
            self.wqk = nn.Linear(width, 2 * width, bias)
        self.wo = nn.Linear(width, width, bias)
        norms = qk_eps is not None
        self.q_norm = RMSNorm(each, eps=qk_eps) if norms else nn.Identity()
        self.k_norm = RMSNorm(each, eps=qk_eps) if norms else nn.Identity()

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """(B, T, D), or (B, T, 3, D) of Q, K and V -> queries, keys, values: (B, T, D) each, None
        for the values that are not projected."""
        if self.separate:
            x_q, x_k, x_v = (x, x, x) if x.dim() == 3 else x.unbind(2)
            return self.wq(x_q), self.wk(x_k), self.wv(x_v) if self.values else None
        if self.values:
            q, k, v = self.wqkv(x).chunk(3, -1)
            return q, k, v
        q, k = self.wqk(x).chunk(2, -1)
        return q, k, None

    def forward(self, q: Tensor, k: Tensor, v: Tensor, run: Pass, slot: int) -> Tensor:
        """What the tokens of `run` find; a cache keeps their keys and values in `slot`."""
        batch, tokens, width = q.shape
        q, k, v = (x.view(batch, tokens, self.heads, -1) for x in (q, k, v))
        q, k = self.q_norm(q), self.k_norm(k)
        if run.tables:
            q, k = rotate(q, *run.tables), rotate(k, *run.tables)
        q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
        if run.cache:
            k, v = run.cache.extend(slot, k, v)
        dropout = self.dropout if self.training else 0.0
        causal = run.causal and run.mask is None and tokens > 1
        y = F.scaled_dot_product_attention(
            q, k, v, attn_mask=run.mask, dropout_p=dropout, is_causal=causal
        )
        return self.wo(y.transpose(1, 2).reshape(batch, tokens, width))
