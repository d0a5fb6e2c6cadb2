"""DeepNet (2203.00555) as it was trained: an encoder-decoder that translates.

source -> embeddings + positions -> N x (LN(a x + attention(x)), LN(a x + mlp(x))) -> states
target -> embeddings + positions -> M x (LN(b x + attention(x)), LN(b x + attention(x, states)),
                                         LN(b x + mlp(x))) -> output

A transformer of Vaswani et al. (1706.03762) but for alpha, beta and where the norms stand. What the
paper leaves open is as in fairseq, which it was trained with: ReLU, embeddings times sqrt(width).
"""

import math
from dataclasses import asdict, dataclass
from functools import partial
from inspect import Parameter
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from zoo.models.deepnet.deepnorm import (
    Constants,
    decoder_constants,
    draw_weights,
    encoder_constants,
)
from zoo.modules.attention import Attention, Cache, Pass
from zoo.modules.decoder import FeedForward
from zoo.modules.signatures import spell_out_kwargs

FIRST = 2  # position of the first token in fairseq, after those of its padding
TABLES = ("all", "decoder", "none")


@dataclass(frozen=True, kw_only=True)
class TranslationSize:
    """Dimensions of an encoder-decoder."""

    layers: int = 6  # N, of the encoder
    decoder_layers: int = 6  # M
    width: int = 512  # of hidden states
    heads: int = 8  # of each attention
    hidden: int = 2048  # width inside feed-forward networks
    vocab: int = 32_768  # ids of both languages together
    context: int = 1024  # largest number of tokens, on either side

    def __post_init__(self) -> None:
        for name in ("layers", "decoder_layers", "hidden", "vocab", "context"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.width < 4 or self.width % 2:
            raise ValueError(f"sinusoids need an even width of 4 or more, not {self.width}")


def sinusoids(positions: Tensor, width: int) -> Tensor:
    """(..., T) -> (..., T, width): sines of each frequency, then cosines, as fairseq has them."""
    half = width // 2
    steps = torch.arange(half, dtype=torch.float32, device=positions.device)
    angles = positions[..., None] * torch.exp(steps * -(math.log(10_000) / (half - 1)))
    return torch.cat([angles.sin(), angles.cos()], -1)


class ScaledSum(nn.LayerNorm):
    """DeepNorm: LN(alpha x + out)."""

    def __init__(self, width: int, alpha: float) -> None:
        super().__init__(width)
        self.alpha = alpha

    def forward(self, x: Tensor, out: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(self.alpha * x + out)


class ReluFeedForward(FeedForward):
    """w2(relu(w1 x)): (B, T, D) -> (B, T, D)."""

    def forward(self, x: Tensor) -> Tensor:
        return self.w2(F.relu(self.w1(x)))


class Source(NamedTuple):
    """What the decoder sees of a text that is translated."""

    states: Tensor  # (B, S, D), of the encoder
    mask: Tensor | None  # (B, 1, 1, S), True where there is a token; None: everywhere


class TranslationCache(Cache):
    """Keys and values of the target so far, and of the source once."""

    def __init__(self, layers: int, shape: tuple[int, int, int, int], like: Tensor) -> None:
        super().__init__(range(layers), shape, like, None)
        self.source: dict[int, tuple[Tensor, Tensor]] = {}

    def reorder(self, rows: Tensor) -> None:
        """Go on from the targets of `rows`, (B,), each of a row with the same source."""
        for store in (self.keys, self.values):
            for slot in range(len(self.keys)):
                store[slot] = store[slot][rows]


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward network, each in a ScaledSum: (B, T, D) -> (B, T, D)."""

    def __init__(self, size: TranslationSize, alpha: float) -> None:
        super().__init__()
        self.attention = Attention(size.width, size.heads, bias=True, separate=True)
        self.attention_sum = ScaledSum(size.width, alpha)
        self.feed_forward = ReluFeedForward(size.width, size.hidden)
        self.ffn_sum = ScaledSum(size.width, alpha)

    def forward(self, x: Tensor, run: Pass, slot: int) -> Tensor:
        x = self.attention_sum(x, self.attention(*self.attention.project(x), run, slot))
        return self.ffn_sum(x, self.feed_forward(x))


class DecoderLayer(EncoderLayer):
    """And between them an attention to the source."""

    def __init__(self, size: TranslationSize, alpha: float) -> None:
        super().__init__(size, alpha)
        self.cross_attention = Attention(size.width, size.heads, bias=True, separate=True)
        self.cross_sum = ScaledSum(size.width, alpha)

    def forward(  # type: ignore[override]
        self, x: Tensor, run: Pass, slot: int, source: Source
    ) -> Tensor:
        x = self.attention_sum(x, self.attention(*self.attention.project(x), run, slot))
        cross = self.cross_attention
        keys, values = self._source_of(source, run.cache, slot)
        queries = cross.split_heads(cross.wq(x))
        x = self.cross_sum(x, cross.attend(queries, keys, values, mask=source.mask, causal=False))
        return self.ffn_sum(x, self.feed_forward(x))

    def _source_of(self, source: Source, cache: Any, slot: int) -> tuple[Tensor, Tensor]:
        """Return keys and values of the source, (B, heads, S, D / heads), from the cache if any."""
        if cache and slot in cache.source:
            return cache.source[slot]
        cross = self.cross_attention
        keys, values = (cross.split_heads(w(source.states)) for w in (cross.wk, cross.wv))
        if cache:
            cache.source[slot] = keys, values
        return keys, values


class DeepNetTranslation(nn.Module):
    """Ids of a source (B, S) and of a target (B, T) -> logits (B, T, vocab) of what follows.

    A token of the target sees itself, those before it and the source; the first is a token that
    begins translations.

    Args:
        shared: Which embeddings are one table: "all" (source, target and output), "decoder" (target
            and output) or "none".
        constants: "paper", "torchscale" (see encoder_constants), or "post_norm": alpha = beta = 1.
        dims: Fields of TranslationSize.

    Raises:
        ValueError: A value is out of its range, or a text is longer than the context.

    Example:
        >>> sizes = {"layers": 2, "decoder_layers": 3, "width": 8, "heads": 2, "hidden": 16}
        >>> network = DeepNetTranslation(**sizes, vocab=9)
        >>> network(torch.tensor([[4, 8, 1]]), torch.tensor([[0, 7]])).shape
        torch.Size([1, 2, 9])
    """

    def __init__(self, *, shared: str = "all", constants: str = "paper", **dims: int) -> None:
        if shared not in TABLES:
            raise ValueError(f"shared must be one of {', '.join(TABLES)}, not {shared!r}")
        super().__init__()
        size = TranslationSize(**dims)
        n, m = size.layers, size.decoder_layers
        if constants == "post_norm":
            encoder = decoder = Constants(1.0, 1.0)
        else:
            encoder = encoder_constants(n, m, source=constants)
            decoder = decoder_constants(m, cross=True)
        self.vocab, self.context, self.width = size.vocab, size.context, size.width
        self.tok_embeddings = nn.Embedding(size.vocab, size.width)
        if shared != "all":
            self.target_embeddings = nn.Embedding(size.vocab, size.width)
        self.encoder = nn.ModuleList(EncoderLayer(size, encoder.alpha) for _ in range(n))
        self.decoder = nn.ModuleList(DecoderLayer(size, decoder.alpha) for _ in range(m))
        if shared == "none":
            self.output = nn.Linear(size.width, size.vocab, bias=False)
        self.shared, self.grad_checkpointing = shared, False
        draw_weights(self.encoder, encoder.beta)
        draw_weights(self.decoder, decoder.beta)
        for table in (m for m in self.children() if isinstance(m, nn.Embedding | nn.Linear)):
            nn.init.normal_(table.weight, std=size.width**-0.5)

    @property
    def sizes(self) -> dict[str, Any]:
        """Entries of pretrained_cfg that follow from the arguments."""
        return {"vocab_size": self.vocab}

    def forward(
        self, source: Tensor, target: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """Return logits, (B, T, vocab).

        Args:
            source: (B, S) ids, at least one of a row not padding.
            target: (B, T) ids; the source itself by default, as for an autoencoder.
            mask: (B, S), False where the source is padding, on either side; by default nowhere.
        """
        return self.forward_head(self.forward_features(source, target, mask))

    def forward_features(
        self, source: Tensor, target: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """Return hidden states, (B, T, width); arguments as in `forward`."""
        return self.decode(source if target is None else target, self.encode(source, mask))

    def forward_head(self, x: Tensor) -> Tensor:
        """Hidden states -> logits."""
        if self.shared == "none":
            return self.output(x)
        return F.linear(x, self._target_table.weight)

    def encode(self, source: Tensor, mask: Tensor | None = None) -> Source:
        """Return the encoder's states of a source: (B, S) -> (B, S, width)."""
        self._check_length(source.shape[1], self.context)
        positions = torch.arange(source.shape[1], device=source.device)[None]
        if mask is not None:
            positions, mask = mask.cumsum(-1) - 1, mask[:, None, None]
        x = self._embed(self.tok_embeddings, source, positions)
        run = Pass(mask=mask, causal=False)
        for i, layer in enumerate(self.encoder):
            x = self._run(layer, x, run=run, slot=i)
        return Source(x, mask)

    def cache(self, batch: int, length: int) -> TranslationCache:
        """Make an empty cache for `length` tokens of each translation. Raises ValueError."""
        self._check_length(length, self.context)
        layer: Any = self.decoder[0]
        shape = (batch, layer.attention.heads, length, layer.attention.per_head)
        return TranslationCache(len(self.decoder), shape, self.tok_embeddings.weight.detach())

    def decode(
        self, target: Tensor, source: Source, cache: TranslationCache | None = None
    ) -> Tensor:
        """Return hidden states of a target, (B, T) -> (B, T, width).

        With a `cache`, the tokens follow those in it, and are added to it.
        """
        start, tokens = cache.filled if cache else 0, target.shape[1]
        self._check_length(start + tokens, cache.length if cache else self.context)
        positions = torch.arange(start, start + tokens, device=target.device)
        seen = torch.arange(start + tokens, device=target.device) <= positions[:, None]
        run = Pass(cache=cache, mask=seen[None, None] if start and tokens > 1 else None)
        x = self._embed(self._target_table, target, positions[None])
        for i, layer in enumerate(self.decoder):
            x = self._run(layer, x, run=run, slot=i, source=source)
        if cache:
            cache.filled += tokens
        return x

    @staticmethod
    def _check_length(tokens: int, context: int) -> None:
        if tokens > context:
            raise ValueError(f"{tokens} tokens are more than the context of {context}")

    @property
    def _target_table(self) -> nn.Embedding:
        return self.tok_embeddings if self.shared == "all" else self.target_embeddings

    def _embed(self, table: nn.Embedding, ids: Tensor, positions: Tensor) -> Tensor:
        """Return embeddings times sqrt(width), with sinusoids of their positions."""
        x = self.width**0.5 * table(ids)
        return x + sinusoids(positions + FIRST, self.width).to(x.dtype)

    def _run(self, layer: nn.Module, x: Tensor, **options: Any) -> Tensor:
        """Run one layer, again in the backward pass with gradient checkpointing."""
        if self.grad_checkpointing and self.training:
            return checkpoint(partial(layer, **options), x, use_reentrant=False)
        return layer(x, **options)

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Trade computation for memory in training."""
        self.grad_checkpointing = enable


spell_out_kwargs(
    DeepNetTranslation,
    [
        Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=int)
        for name, default in asdict(TranslationSize()).items()
    ],
)
