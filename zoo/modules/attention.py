"""Self-attention, with rotary positions, a norm of queries and keys, and a static cache.

x -> q, k, v -> (norm) -> rotate -> (cache) -> softmax(q k' / sqrt(d)) v -> wo
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.modules.norms import RMSNorm


def head_width(width: int, heads: int) -> int:
    """Return the width of each head. Raises ValueError unless `heads` divides `width`."""
    if heads < 1 or width % heads:
        raise ValueError(f"width must be a multiple of heads, not {width} for {heads} heads")
    return width // heads


class Cache:
    """Keys and values of up to `length` tokens, allocated once.

    Args:
        owners: For each slot, the slot whose values it attends to: itself, or an earlier one.
        shape: (B, heads of keys, length, D / heads).
        like: A tensor of the same type and device.
        padding: (B,), the number of padding tokens at the start of each row.
    """

    def __init__(
        self,
        owners: Sequence[int],
        shape: tuple[int, int, int, int],
        like: Tensor,
        padding: Tensor | None,
    ) -> None:
        self.length, self.padding = shape[2], padding
        self.filled = 0  # number of tokens so far
        self.owners = list(owners)
        self.keys = [like.new_zeros(shape) for _ in owners]
        self.values = {slot: like.new_zeros(shape) for slot in sorted(set(owners))}

    def extend(self, slot: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Store the keys and values of new tokens; return those of all tokens so far."""
        end, owner = self.filled + k.shape[2], self.owners[slot]
        self.keys[slot][:, :, self.filled : end] = k
        if owner == slot:
            self.values[slot][:, :, self.filled : end] = v
        return self.keys[slot][:, :, :end], self.values[owner][:, :, :end]


@dataclass(frozen=True)
class Rotary:
    """Rotary positions (2104.09864) on the first `dims` of each head, pairing x_j, x_{j + dims/2}.

    Sines and cosines are rounded to `dtype`, as in the code that the weights were trained with.
    """

    dims: int
    base: float = 10_000.0
    dtype: torch.dtype = torch.float32

    def __post_init__(self) -> None:
        if self.dims < 2 or self.dims % 2:
            raise ValueError(
                f"heads must have an even number of rotary dimensions, not {self.dims}"
            )

    def frequencies(self, device: torch.device) -> Tensor:
        """Return the angle that each pair turns by from a token to the next, (dims / 2,)."""
        exponents = torch.arange(0, self.dims, 2, device=device).float() / self.dims
        return 1.0 / self.base**exponents

    def tables(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """(B or 1, T) -> cosines and sines, (B or 1, T, 1, dims / 2)."""
        angles = positions[..., None].float() * self.frequencies(positions.device)
        cos, sin = angles.cos().to(self.dtype), angles.sin().to(self.dtype)
        return cos[:, :, None], sin[:, :, None]


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate (B, T, heads, d) by the tables of a Rotary, in float32 or better."""
    half = cos.shape[-1]
    wide = torch.promote_types(x.dtype, torch.float32)
    cos, sin = cos.to(wide), sin.to(wide)
    a, b, rest = torch.split(x, [half, half, x.shape[-1] - 2 * half], -1)
    rotated = (a * cos - b * sin, b * cos + a * sin)
    return torch.cat([part.to(x.dtype) for part in rotated] + [rest], -1)


@dataclass(frozen=True)
class Pass:
    """Positions, cache and mask of one forward pass."""

    tables: tuple[Tensor, Tensor] | None = None  # of a Rotary
    cache: Cache | None = None
    mask: Tensor | None = None  # (B or 1, 1, T, tokens so far), True where a token is seen
    causal: bool = True  # without a mask: a token sees itself and those before it


class Attention(nn.Module):
    """`heads` heads of width / heads: (B, T, D) -> (B, T, D).

    With `separate`, Q, K and V have projections of their own (wq, wk, wv), else one (wqkv). Without
    `values`, V is not projected (no wv, or wqk) but comes from another layer. With `qk_eps`,
    queries and keys are normalised (RMSNorm over a head) before they are rotated. With fewer
    `kv_heads`, which asks for `separate`, groups of queries share their keys and values
    (2305.13245).
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
        kv_heads: int | None = None,
    ) -> None:
        super().__init__()
        self.per_head = per_head = head_width(width, heads)
        self.heads, self.dropout = heads, dropout
        self.kv_heads = heads if kv_heads is None else kv_heads
        self.separate, self.values = separate, values
        if self.kv_heads < 1 or heads % self.kv_heads:
            raise ValueError(f"kv_heads must divide the {heads} heads, not be {kv_heads}")
        if self.kv_heads < heads and not separate:
            raise ValueError("with fewer kv_heads than heads, Q, K and V have separate projections")
        if separate:
            self.wq = nn.Linear(width, width, bias)
            self.wk = nn.Linear(width, self.kv_heads * per_head, bias)
            if values:
                self.wv = nn.Linear(width, self.kv_heads * per_head, bias)
        elif values:
            self.wqkv = nn.Linear(width, 3 * width, bias)
        else:
            self.wqk = nn.Linear(width, 2 * width, bias)
        self.wo = nn.Linear(width, width, bias)
        has_norm = qk_eps is not None
        self.q_norm = RMSNorm(per_head, eps=qk_eps) if has_norm else nn.Identity()
        self.k_norm = RMSNorm(per_head, eps=qk_eps) if has_norm else nn.Identity()

    def project(self, x: Tensor, *, split: bool = False) -> tuple[Tensor, Tensor, Tensor | None]:
        """(B, T, D), or split (B, T, 3, D) -> queries, keys, values: (B, T, D) each.

        Values are None if they are not projected.
        """
        if self.separate:
            x_q, x_k, x_v = x.unbind(2) if split else (x, x, x)
            return self.wq(x_q), self.wk(x_k), self.wv(x_v) if self.values else None
        if self.values:
            q, k, v = self.wqkv(x).chunk(3, -1)
            return q, k, v
        q, k = self.wqk(x).chunk(2, -1)
        return q, k, None

    def forward(self, q: Tensor, k: Tensor, v: Tensor, run: Pass, slot: int) -> Tensor:
        """Attend; a cache stores the keys and values in `slot`."""
        q = self.split_heads(q, self.q_norm, run.tables)
        k, v = self.split_heads(k, self.k_norm, run.tables), self.split_heads(v)
        if run.cache:
            k, v = run.cache.extend(slot, k, v)
        causal = run.causal and run.mask is None and q.shape[2] > 1
        return self.attend(q, k, v, mask=run.mask, causal=causal)

    def split_heads(
        self, x: Tensor, norm: nn.Module | None = None, tables: tuple[Tensor, Tensor] | None = None
    ) -> Tensor:
        """(B, T, heads d) -> (B, heads, T, d), normalised and rotated."""
        x = x.view(x.shape[0], x.shape[1], x.shape[2] // self.per_head, self.per_head)
        x = norm(x) if norm else x
        return (rotate(x, *tables) if tables else x).transpose(1, 2)

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, *, mask: Tensor | None, causal: bool
    ) -> Tensor:
        """Queries (B, heads, T, d), keys and values (B, kv_heads, S, d) -> (B, T, D)."""
        if (group := self.heads // self.kv_heads) > 1:
            k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        dropout = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, dropout_p=dropout, is_causal=causal
        )
        return self.wo(y.transpose(1, 2).reshape(q.shape[0], q.shape[2], -1))
