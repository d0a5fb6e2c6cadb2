"""GateSkip (Laitenberger et al., ICLR 2026, 2510.13876), on a transformer as LLaMA's.

h -> norm -> x -> attention -> f -> (g f) -> (+) -> norm -> x -> feed-forward -> f -> (g f) -> (+)
             +-> gate g -------------^                      +-> gate g --------------^

A token whose gate is low skips the sublayer. Attention to it sees the keys and values that the
layer before has of it.
"""

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from zoo.models.gateskip.gates import Gated, GateSkipStream
from zoo.modules.attention import Pass, Rotary, head_width
from zoo.modules.connections import Sublayer
from zoo.modules.decoder import Block, DecoderSize, SwiGLU
from zoo.modules.norms import RMSNorm
from zoo.modules.token_skipping import SkippingAttention, SkippingDecoder, on_kept

EPS = 1e-5


class GateSkipBlock(Block):
    """A pre-norm layer with a gate after the attention and after the feed-forward network."""

    def attended(
        self, x: Tensor, stream: Gated, run: Pass, slot: int, kept: Tensor | None, leave: bool
    ) -> tuple[Tensor, Gated]:
        """Normalised inputs (B, T, D) -> outputs of the attention, and the stream."""
        attention: SkippingAttention = self.attention  # type: ignore[assignment]
        own = kept if stream.held else None  # there is no layer before the first one
        k, v = attention.keys_and_values(x, run, own, stream.held, leave)
        stream = stream._replace(held=(k, v))
        if run.cache:
            k, v = run.cache.extend(slot, k, v)
        return attention.attend_skipping(x, k, v, run, None, kept if leave else None), stream

    def forward(  # type: ignore[override]
        self, stream: Gated, connections: GateSkipStream, layer: int, run: Pass, slot: int
    ) -> Gated:
        """Stream before this layer -> stream after it."""
        leave, x = connections.skipping, self.attention_norm(stream.x)
        gate, kept, stream = connections.gate(Sublayer(layer, True, False), x, stream, run)
        out, stream = self.attended(x, stream, run, slot, kept, leave)
        stream = stream._replace(x=stream.x + gated(gate, out, kept))
        x = self.ffn_norm(stream.x)
        gate, kept, stream = connections.gate(Sublayer(layer, False, True), x, stream, run)
        out = on_kept(self.feed_forward, x, kept if leave else None)
        return stream._replace(x=stream.x + gated(gate, out, kept))


def gated(gate: Tensor, out: Tensor, kept: Tensor | None) -> Tensor:
    """Return the gated outputs of the kept tokens, and 0 for the others."""
    return gate * out if kept is None else torch.where(kept[..., None], gate * out, 0.0)


class GateSkip(SkippingDecoder):
    """Token ids (B, T) -> logits (B, T, vocab).

    Args:
        scalar: One number for a token and sublayer, in place of one for each channel.
        thresholds: Of the tokens' importance, two for each layer: its attention, its feed-forward
            network. See `thresholds_for`.
        dims: Fields of DecoderSize.
    """

    size = DecoderSize(layers=6, width=80, heads=4, hidden=146, vocab=257, context=256)

    def __init__(
        self, *, scalar: bool = False, thresholds: tuple[float, ...] = (), **dims: int
    ) -> None:
        size = replace(self.size, **dims)
        norm = partial(RMSNorm, size.width, eps=EPS)

        def block(layer: int, stream: object) -> GateSkipBlock:
            attention = SkippingAttention(size.width, size.heads)
            return GateSkipBlock(attention, SwiGLU(size.width, size.ffn_width), norm)

        super().__init__(
            size=size,
            block=block,
            norm=norm,
            connections=partial(GateSkipStream, scalar=scalar, thresholds=thresholds),
            rotary=Rotary(head_width(size.width, size.heads)),
        )
        self.gates.initialise()

    @property
    def gates(self) -> GateSkipStream:
        """The connections."""
        gates: GateSkipStream = self.connections  # type: ignore[assignment]
        return gates

    def set_budget(self, budget: float) -> None:
        """Keep this share of the tokens of a batch in every sublayer (`thresholds` go first).

        Raises ValueError unless it is above 0 and at most 1.
        """
        if not 0 < budget <= 1:
            raise ValueError(f"budget must be above 0 and at most 1, not {budget}")
        self.gates.budget = budget

    @torch.no_grad()
    def thresholds_for(self, ids: Tensor, budget: float) -> tuple[float, ...]:
        """Return the thresholds by which this share of tokens (B, T) is kept in every sublayer.

        They are an argument of a network that decides on every token by itself.
        """
        before = self.gates.budget
        self.set_budget(budget)
        _, stream = self.forward_stream(ids)
        self.gates.budget = before
        quantiles = (torch.quantile(x.double(), 1 - budget) for x in stream.importance)
        return tuple(float(x) for x in quantiles)
