"""A language model: tokens in, logits of the next token out, with a hole for the residual stream.

ids -> tok_embeddings (+ positions) -> blocks, joined by connections -> norm -> output -> logits
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from zoo.modules.attention import Attention, Cache, Pass, Rotary
from zoo.modules.connections import ResidualStream, Sublayer

Norm = Callable[..., nn.Module]
Join = Callable[[int, int], ResidualStream]


class FeedForward(nn.Module):
    """w2(gelu(w1 x)), the tanh form of GELU if `gelu` says so: (B, T, D) -> (B, T, D)."""

    def __init__(self, width: int, hidden: int, *, gelu: str = "none") -> None:
        super().__init__()
        self.w1 = nn.Linear(width, hidden)
        self.w2 = nn.Linear(hidden, width)
        self.gelu = gelu

    def forward(self, x: Tensor) -> Tensor:
        return self.w2(F.gelu(self.w1(x), approximate=self.gelu))


class SwiGLU(nn.Module):
    """w2(silu(w1 x) * w3 x), without biases (2002.05202): (B, T, D) -> (B, T, D)."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.w1 = nn.Linear(width, hidden, bias=False)
        self.w3 = nn.Linear(width, hidden, bias=False)
        self.w2 = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


class Block(nn.Module):
    """A layer: an attention, then a feed-forward network, or both of the same input (`parallel`).

    What they see and what becomes of what they give, the connections say.
    """

    def __init__(
        self,
        attention: Attention,
        feed_forward: nn.Module,
        norm: Norm,
        *,
        norms: int = 1,
        parallel: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.attention, self.feed_forward = attention, feed_forward
        if norms == 1:
            self.attention_norm = norm()
        else:
            self.attention_norms = nn.ModuleList(norm() for _ in range(norms))
            self.plain_norm = norm(elementwise_affine=False)
        self.ffn_norm = norm()
        self.norms, self.parallel, self.dropout = norms, parallel, dropout

    def normed(self, x: Tensor) -> Tensor:
        """(B, T, D), or the first three of (B, T, 4, D), by the norm of all or by those of Q, K and
        V, which are taken at once."""
        x = x if x.dim() == 3 else x[:, :, :3]
        if self.norms == 1:
            return self.attention_norm(x)
        y = self.plain_norm(x if x.dim() == 4 else x.unsqueeze(2))
        own: Any = list(self.attention_norms)
        scale = torch.stack([norm.weight for norm in own])
        y = y.mul_(scale) if x.dim() == 4 and not torch.is_grad_enabled() else y * scale
        return y if own[0].bias is None else y + torch.stack([norm.bias for norm in own])

    def forward(self, stream: Any, join: ResidualStream, layer: int, run: Pass, slot: int) -> Any:
        """The stream before this layer -> the stream after it."""
        step = Sublayer(layer, True, self.parallel)
        x, residual = join.before(step, stream)
        q, k, v = self.attention.project(self.normed(x))
        if v is None:
            v = join.given(step, stream)
        else:
            v, stream = join.value(step, stream, v)
        out = self._drop(self.attention(q, k, v, run, slot))
        if self.parallel:
            x = x if x.dim() == 3 else x[:, :, -1]
            out = out + self._drop(self.feed_forward(self.ffn_norm(x)))
            return join.after(step, stream, residual, out)
        stream = join.after(step, stream, residual, out)
        step = Sublayer(layer, False, True)
        x, residual = join.before(step, stream)
        out = self._drop(self.feed_forward(self.ffn_norm(x)))
        return join.after(step, stream, residual, out)

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training) if self.dropout else x


class Decoder(nn.Module):
    """Token ids (B, T) -> logits (B, T, vocab); a token sees those before it and itself.

    `sizes` are layers, width, vocab, context; `block(layer, join)` makes the layers. Positions are
    `rotary`, or learnt. With `tied`, the embeddings are the last layer's weights too.
    """

    def __init__(
        self,
        *,
        sizes: tuple[int, int, int, int],
        block: Callable[[int, ResidualStream], Block],
        norm: Norm,
        connections: Join,
        rotary: Rotary | None = None,
        tied: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        layers, width, self.vocab, self.context = sizes
        for what, size in (("layers", layers), ("vocab", self.vocab), ("context", self.context)):
            if size < 1:
                raise ValueError(f"{what} must be at least 1, not {size}")
        self.rotary, self.tied, self.dropout = rotary, tied, dropout
        self.tok_embeddings = nn.Embedding(self.vocab, width)
        if not rotary:
            self.pos_embeddings = nn.Embedding(self.context, width)
        self.connections = connections(layers, width)
        self.layers = nn.ModuleList(block(i, self.connections) for i in range(layers))
        self.norm = norm()
        if not tied:
            self.output = nn.Linear(width, self.vocab, bias=False)
        self.grad_checkpointing = False
        self.initialise()

    @property
    def slots(self) -> int:
        """How many attentions a token goes through: what a cache has to keep."""
        return len(self.layers)

    def initialise(self, std: float = 0.02, last: float | None = None) -> None:
        """Normal weights, zero biases; those that write to the residual stream smaller (`last`):
        std / sqrt(2 layers) by default, as GPT-2 does."""
        last = std / (2 * len(self.layers)) ** 0.5 if last is None else last
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear | nn.Embedding) and "connections" not in name:
                scale = last if name.endswith((".wo", ".w2")) else std
                nn.init.normal_(module.weight, std=scale)
                if isinstance(module, nn.Linear) and module.bias is not None:
                    nn.init.zeros_(module.bias)

    def initialise_xavier(self) -> None:
        """Xavier's normal weights (Glorot and Bengio 2010), zero biases."""
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear | nn.Embedding) and "connections" not in name:
                nn.init.xavier_normal_(module.weight)

    def cache(self, batch: int, length: int, padding: Tensor | None = None) -> Cache:
        """An empty cache for `length` tokens; `padding` as in Cache. Raises ValueError if the
        context is shorter."""
        if length > self.context:
            raise ValueError(f"{length} tokens are more than the context of {self.context}")
        first: Any = self.layers[0]
        heads, like = first.attention.heads, self.tok_embeddings.weight
        shape = (batch, heads, length, like.shape[1] // heads)
        owners = [self.connections.values_of(slot) for slot in range(self.slots)]
        return Cache(owners, shape, like.detach(), padding)

    def forward(self, ids: Tensor, cache: Cache | None = None) -> Tensor:
        return self.forward_head(self.forward_features(ids, cache))

    def forward_features(self, ids: Tensor, cache: Cache | None = None) -> Tensor:
        """(B, T) -> normalised hidden states, (B, T, D). With a `cache`, the tokens follow those
        that are in it, and are kept there."""
        start, tokens = cache.filled if cache else 0, ids.shape[1]
        length = cache.length if cache else self.context
        if start + tokens > length:
            raise ValueError(f"{start + tokens} tokens are more than the context of {length}")
        positions = torch.arange(start, start + tokens, device=ids.device)[None]
        if cache and cache.padding is not None:
            positions = (positions - cache.padding[:, None]).clamp(min=0)
        x = self.tok_embeddings(ids)
        if not self.rotary:
            x = x + self.pos_embeddings(positions)
        x = F.dropout(x, self.dropout, self.training) if self.dropout else x
        tables = self.rotary.tables(positions) if self.rotary else None
        x = self.forward_layers(x, Pass(tables, cache, self._mask(ids, cache)))
        if cache:
            cache.filled += tokens
        return self.norm(x)

    @staticmethod
    def _mask(ids: Tensor, cache: Cache | None) -> Tensor | None:
        """Who sees whom, where it is not plain: later tokens than the cache has, and padding."""
        start, tokens = cache.filled if cache else 0, ids.shape[1]
        padding = cache.padding if cache else None
        if padding is None and (start == 0 or tokens == 1):
            return None
        end = start + tokens
        seen, seeing = torch.arange(end, device=ids.device), torch.arange(start, end)[:, None]
        mask = (seen <= seeing.to(ids.device))[None, None]
        if padding is None:
            return mask
        itself = seen == seeing.to(ids.device)  # a padding token sees itself, not nothing
        return (mask & (seen >= padding[:, None, None, None])) | itself

    def forward_layers(self, x: Tensor, run: Pass) -> Tensor:
        """Embeddings -> what the last layer gives, (B, T, D) each."""
        stream = self.connections.open(x)
        for i in range(len(self.layers)):
            stream = self.forward_layer(i, stream, run, slot=i)
        return self.connections.close(stream)

    def forward_layer(self, layer: int, stream: Any, run: Pass, slot: int) -> Any:
        """One layer; in training with checkpointing, only what it gives is kept."""
        step = partial(self.layers[layer], join=self.connections, layer=layer, run=run, slot=slot)
        if self.grad_checkpointing and self.training:
            return checkpoint(step, stream, use_reentrant=False)
        return step(stream)

    def forward_head(self, x: Tensor) -> Tensor:
        """Hidden states -> logits."""
        if self.tied:
            return F.linear(x, self.tok_embeddings.weight)
        return self.output(x)

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Trades computation for memory in training."""
        self.grad_checkpointing = enable
