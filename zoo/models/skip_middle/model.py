"""Skipping the middle layers (Lawson and Aitchison 2025, 2506.21103).

ids -> embeddings -> norm -> [gate 0, block 0] -> .. -> [gate L/2 - 1, block] -> .. -> block L - 1
    -> norm -> output             |                                                        |
                                  +------------------- the same gate ----------------------+
A block is h <- h + g post(f(pre(h))), for the attention and for the feed-forward network.
"""

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from zoo.models.skip_middle.gates import GateCache, Gated, MiddleGates, key_bias
from zoo.modules.attention import Pass, Rotary, head_width
from zoo.modules.decoder import Block, DecoderSize, Norm, SwiGLU
from zoo.modules.norms import RMSNorm
from zoo.modules.token_skipping import SkippingAttention, SkippingDecoder, on_kept

EPS = 1e-5


class SandwichBlock(Block):
    """A layer with norms before and after each sublayer, for the tokens whose gate is not 0.

    With `gated_attention`, no token attends to earlier ones that skip the layer.
    """

    def __init__(
        self,
        attention: SkippingAttention,
        feed_forward: SwiGLU,
        norm: Norm,
        *,
        gated_attention: bool,
    ) -> None:
        super().__init__(attention, feed_forward, norm)
        self.post_attention_norm, self.post_ffn_norm = norm(), norm()
        self.gated_attention = gated_attention

    def attended(
        self, x: Tensor, gate: Tensor, run: Pass, slot: int, kept: Tensor, leave: bool
    ) -> Tensor:
        """Inputs (B, T, D) and gates (B, T, 1) -> outputs of the attention, (B, T, D)."""
        attention: SkippingAttention = self.attention  # type: ignore[assignment]
        own = kept if self.gated_attention else None
        k, v = attention.keys_and_values(x, run, own, None, leave)
        if run.cache:
            k, v = run.cache.extend(slot, k, v)
        mask = key_bias(gate[..., 0], run, slot, x.dtype) if self.gated_attention else None
        return attention.attend_skipping(x, k, v, run, mask, kept if leave else None)

    def forward(  # type: ignore[override]
        self, stream: Gated, connections: MiddleGates, layer: int, run: Pass, slot: int
    ) -> Gated:
        """Stream before this layer -> stream after it."""
        gate, stream = connections.gate(layer, stream)
        leave, kept = connections.skipping, gate[..., 0] > 0
        x = stream.x
        out = self.attended(self.attention_norm(x), gate, run, slot, kept, leave)
        x = x + gate * self.post_attention_norm(out)
        out = on_kept(self.fed_forward, x, kept if leave else None)
        return stream._replace(x=x + gate * out)

    def fed_forward(self, x: Tensor) -> Tensor:
        """Norm, feed-forward network and norm: (..., D) -> (..., D)."""
        out: Tensor = self.post_ffn_norm(self.feed_forward(self.ffn_norm(x)))
        return out


class SkipMiddle(SkippingDecoder):
    """Token ids (B, T) -> logits (B, T, vocab).

    `gated_attention` is as the paper says; as released, an attention with gates is one without
    (contradictions of paper.toml). With `dense_init` the gates begin as 1 and stay 1, since ReLU
    has no gradient at 0: so are the authors' dense baselines.
    """

    size = DecoderSize(layers=12, width=768, heads=12, hidden=3072, vocab=50257, context=1024)
    cache_type = GateCache

    def __init__(
        self, *, gated_attention: bool = False, dense_init: bool = False, **dims: int
    ) -> None:
        size = replace(self.size, **dims)
        norm = partial(RMSNorm, size.width, eps=EPS)

        def block(layer: int, stream: object) -> SandwichBlock:
            attention = SkippingAttention(size.width, size.heads)
            swiglu = SwiGLU(size.width, size.ffn_width)
            return SandwichBlock(attention, swiglu, norm, gated_attention=gated_attention)

        super().__init__(
            size=size,
            block=block,
            norm=norm,
            connections=partial(MiddleGates, eps=EPS),
            rotary=Rotary(head_width(size.width, size.heads)),
        )
        self.initialise(0.02, 0.02)
        for gate in self.connections.get_submodule("gates").children():
            torch.nn.init.normal_(gate.weight, std=0.0 if dense_init else 0.02)  # type: ignore[arg-type]
            torch.nn.init.zeros_(gate.bias)  # type: ignore[arg-type]
