"""A language model, token ids -> logits of the next token, with any residual stream.

ids -> tok_embeddings (+ positions) -> blocks, joined by connections -> norm -> output -> logits
"""

import inspect
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from zoo.modules.attention import Attention, Cache, Pass, Rotary
from zoo.modules.connections import ResidualStream, Sublayer
from zoo.modules.signatures import spell_out_kwargs

Norm = Callable[..., nn.Module]
Connections = Callable[[int, int], ResidualStream]  # (layers, width) -> the stream between them


@dataclass(frozen=True, kw_only=True)
class DecoderSize:
    """Dimensions of a language model."""

    layers: int
    width: int  # of hidden states
    heads: int
    vocab: int
    context: int  # largest number of tokens
    hidden: int | None = None  # width inside feed-forward networks; None: always 4 width

    def __post_init__(self) -> None:
        for name in ("layers", "vocab", "context"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")

    @property
    def ffn_width(self) -> int:
        """Width inside feed-forward networks."""
        return 4 * self.width if self.hidden is None else self.hidden


class FeedForward(nn.Module):
    """w2(gelu(w1 x)): (B, T, D) -> (B, T, D). `gelu` is F.gelu's `approximate`."""

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

    The connections make their inputs and take their outputs; without `norms`, they normalise.
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
        if norms <= 1:
            self.attention_norm = norm() if norms else nn.Identity()
        else:
            self.attention_norms = nn.ModuleList(norm() for _ in range(norms))
            self.plain_norm = norm(elementwise_affine=False)
        self.ffn_norm = norm() if norms else nn.Identity()
        self.drop = nn.Dropout(dropout) if dropout else nn.Identity()
        self.norms, self.parallel = norms, parallel

    def normed(self, x: Tensor, ways: int) -> Tensor:
        """Normalise (B, T, D), or the first three of (B, T, 4, D): Q, K and V."""
        x = x if ways == 1 else x[:, :, :3]
        if self.norms <= 1:
            return self.attention_norm(x)
        y = self.plain_norm(x.unsqueeze(2) if ways == 1 else x)
        norms: Any = list(self.attention_norms)
        scale = torch.stack([norm.weight for norm in norms])
        y = y.mul_(scale) if ways > 1 and not torch.is_grad_enabled() else y * scale
        return y if norms[0].bias is None else y + torch.stack([norm.bias for norm in norms])

    def forward(
        self, stream: Any, connections: ResidualStream, layer: int, run: Pass, slot: int
    ) -> Any:
        """Stream before this layer -> stream after it."""
        sublayer, ways = Sublayer(layer, True, self.parallel), connections.ways(layer)
        x, residual = connections.read(sublayer, stream)
        q, k, v = self.attention.project(self.normed(x, ways), split=max(ways, self.norms) > 1)
        if v is None:
            v = connections.shared_values(sublayer, stream)
        else:
            v, stream = connections.mix_values(sublayer, stream, v)
        out = self.drop(self.attention(q, k, v, run, slot))
        if self.parallel:
            x = x if ways == 1 else x[:, :, -1]
            out = out + self.drop(self.feed_forward(self.ffn_norm(x)))
            return connections.write(sublayer, stream, residual, out)
        stream = connections.write(sublayer, stream, residual, out)
        sublayer = Sublayer(layer, False, True)
        x, residual = connections.read(sublayer, stream)
        out = self.drop(self.feed_forward(self.ffn_norm(x)))
        return connections.write(sublayer, stream, residual, out)


class Decoder(nn.Module):
    """Token ids (B, T) -> logits (B, T, vocab); a token sees itself and those before it.

    `block(layer, connections)` makes a layer. Positions are `rotary`, or learnt. With `tied`, the
    output layer has the weights of the embeddings. A network that is registered has a default
    `size`, whose fields are its keyword arguments (`**dims`).
    """

    size: ClassVar[DecoderSize]
    cache_type: ClassVar[type[Cache]] = Cache

    def __init_subclass__(cls) -> None:
        keyword = partial(inspect.Parameter, kind=inspect.Parameter.KEYWORD_ONLY, annotation=int)
        dims = asdict(cls.size) if hasattr(cls, "size") else {}
        spell_out_kwargs(
            cls, [keyword(name, default=dim) for name, dim in dims.items() if dim is not None]
        )

    def __init__(
        self,
        *,
        size: DecoderSize,
        block: Callable[[int, ResidualStream], Block],
        norm: Norm,
        connections: Connections,
        rotary: Rotary | None = None,
        tied: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.vocab, self.context = size.vocab, size.context
        self.rotary, self.tied, self.dropout = rotary, tied, dropout
        self.tok_embeddings = nn.Embedding(size.vocab, size.width)
        if not rotary:
            self.pos_embeddings = nn.Embedding(size.context, size.width)
        self.connections = connections(size.layers, size.width)
        self.layers = nn.ModuleList(block(i, self.connections) for i in range(size.layers))
        self.norm = norm() if self.connections.norms(size.layers - 1) else nn.Identity()
        if not tied:
            self.output = nn.Linear(size.width, size.vocab, bias=False)
        self.grad_checkpointing = False
        self.initialise()

    @property
    def slots(self) -> int:
        """Number of attentions a token goes through, each with a slot in a cache."""
        return len(self.layers)

    def initialise(self, std: float = 0.02, last: float | None = None) -> None:
        """Draw normal weights and zero biases.

        `last` is the deviation of weights that write to the residual stream: by default
        std / sqrt(2 layers), as in GPT-2.
        """
        last = std / (2 * len(self.layers)) ** 0.5 if last is None else last
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear | nn.Embedding) and "connections" not in name:
                scale = last if name.endswith((".wo", ".w2")) else std
                nn.init.normal_(module.weight, std=scale)
                if isinstance(module, nn.Linear) and module.bias is not None:
                    nn.init.zeros_(module.bias)

    def initialise_xavier(self) -> None:
        """Draw Xavier's normal weights (Glorot and Bengio 2010)."""
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear | nn.Embedding) and "connections" not in name:
                nn.init.xavier_normal_(module.weight)

    def cache(self, batch: int, length: int, padding: Tensor | None = None) -> Cache:
        """Make an empty cache for `length` tokens; `padding` as in Cache.

        Raises ValueError if the context is shorter than `length` less the most padding of a row.
        """
        if length - (0 if padding is None else int(padding.max())) > self.context:
            raise ValueError(f"{length} tokens are more than the context of {self.context}")
        attention: Any = self.layers[0].attention
        like = self.tok_embeddings.weight
        shape = (batch, attention.kv_heads, length, attention.per_head)
        owners = [self.connections.value_layer(slot) for slot in range(self.slots)]
        return self.cache_type(owners, shape, like.detach(), padding)

    def forward(self, ids: Tensor, cache: Cache | None = None) -> Tensor:
        return self.forward_head(self.forward_features(ids, cache))

    def forward_features(self, ids: Tensor, cache: Cache | None = None) -> Tensor:
        """(B, T) -> normalised hidden states, (B, T, D).

        With a `cache`, the tokens follow those in it, and are added to it.
        """
        start, tokens = cache.filled if cache else 0, ids.shape[1]
        length = cache.length if cache else self.context
        if start + tokens > length:
            raise ValueError(f"{start + tokens} tokens are more than the context of {length}")
        positions = torch.arange(start, start + tokens, device=ids.device)[None]
        if cache and cache.padding is not None:
            # tokens after a full context belong to rows that have ended
            positions = (positions - cache.padding[:, None]).clamp(0, self.context - 1)
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
        """Return the attention mask; None if it is causal, or one token sees all."""
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
        """Embeddings -> output of the last layer, (B, T, D) each."""
        stream = self.connections.expand(x)
        for i in range(len(self.layers)):
            stream = self.forward_layer(i, stream, run, slot=i)
        return self.connections.collapse(stream)

    def forward_layer(self, layer: int, stream: Any, run: Pass, slot: int) -> Any:
        """Run one layer, recomputed in the backward pass with gradient checkpointing."""
        block = partial(
            self.layers[layer], connections=self.connections, layer=layer, run=run, slot=slot
        )
        if self.grad_checkpointing and self.training:
            return checkpoint(block, stream, use_reentrant=False)
        return block(stream)

    def forward_head(self, x: Tensor) -> Tensor:
        """Hidden states -> logits."""
        if self.tied:
            return F.linear(x, self.tok_embeddings.weight)
        return self.output(x)

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Trade computation for memory in training."""
        self.grad_checkpointing = enable
