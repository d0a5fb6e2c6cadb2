"""Sublayers of a decoder that some tokens skip, and that are not computed for them.

x (B, T, D) -> rows of the kept tokens -> sublayer -> back into their places, 0 in the others

The number of rows depends on the values, so that no graph can be traced: by default everything is
computed and the outputs of skipped tokens are multiplied by 0. `set_skipping` leaves them out.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from zoo.modules.attention import Attention, Pass
from zoo.modules.connections import ResidualStream
from zoo.modules.decoder import Decoder

KeysAndValues = tuple[Tensor, Tensor]  # (B, heads, T, d) each


def spread(rows: Tensor, kept: Tensor, others: Tensor | None = None) -> Tensor:
    """Rows (N, ...) of the kept tokens (B, T) -> (B, T, ...), with `others` or 0 elsewhere."""
    shape = (*kept.shape, *rows.shape[1:])
    out = rows.new_zeros(shape) if others is None else others.to(rows.dtype, copy=True)
    out[kept] = rows
    return out


def on_kept(function: Callable[[Tensor], Tensor], x: Tensor, kept: Tensor | None) -> Tensor:
    """Return f(x) for the kept tokens (B, T) and 0 for the others; if `kept` is None, for all."""
    return function(x) if kept is None else spread(function(x[kept]), kept)


class SkippingStream(ResidualStream):
    """A residual stream whose blocks may leave out what tokens skip."""

    skipping = False


class SkippingAttention(Attention):
    """Attention that tokens may skip, as queries or as keys and values.

    Q, K and V have projections of their own, without biases.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads, bias=False, separate=True)

    def keys_and_values(
        self, x: Tensor, run: Pass, own: Tensor | None, others: KeysAndValues | None, leave: bool
    ) -> KeysAndValues:
        """Return the keys and values of the tokens `own` (None: all), and `others` for the rest.

        With `leave`, those of the rest are not computed.
        """
        if own is not None and leave:
            tables = run.tables and tuple(_of_each(t, x)[own][None] for t in run.tables)
            rows = x[own][None]
            k = self.split_heads(self.wk(rows), self.k_norm, tables)  # type: ignore[arg-type]
            pair = k, self.split_heads(self.wv(rows))
            rest = (None, None) if others is None else (y.transpose(1, 2) for y in others)
            k, v = (
                spread(new[0].transpose(0, 1), own, old).transpose(1, 2)
                for new, old in zip(pair, rest, strict=True)
            )
            return k, v
        k = self.split_heads(self.wk(x), self.k_norm, run.tables)
        v = self.split_heads(self.wv(x))
        if own is None or others is None:
            return k, v
        is_own = own[:, None, :, None]
        return torch.where(is_own, k, others[0]), torch.where(is_own, v, others[1])

    def attend_skipping(
        self, x: Tensor, k: Tensor, v: Tensor, run: Pass, mask: Tensor | None, kept: Tensor | None
    ) -> Tensor:
        """Inputs (B, T, D) and the keys and values of all tokens so far -> (B, T, D).

        Args:
            x: Inputs of the queries.
            k: Keys, (B, heads, S, d).
            v: Values, (B, heads, S, d).
            run: The forward pass.
            mask: (B or 1, 1, T, S), bool or added to the products; None: that of the pass.
            kept: (B, T), the tokens with a query, the only ones for which anything is computed;
                in a batch, as many as in the row that keeps the most. None: all.
        """
        if kept is None:
            q = self.split_heads(self.wq(x), self.q_norm, run.tables)
            mask = run.mask if mask is None else mask
            causal = run.causal and mask is None and x.shape[1] > 1
            return self.attend(q, k, v, mask=mask, causal=causal)
        most = int(kept.sum(1).max())
        if not most:
            return torch.zeros_like(x)
        places = kept.byte().argsort(dim=1, descending=True, stable=True)[:, :most]
        of_each = torch.arange(len(x), device=x.device)[:, None]
        tables = run.tables and tuple(_of_each(t, x)[of_each, places] for t in run.tables)
        q = self.split_heads(self.wq(x[of_each, places]), self.q_norm, tables)  # type: ignore[arg-type]
        mask = seen_by(run, x.shape[1], k.shape[2], x.device) if mask is None else mask
        mask = mask.expand(len(x), -1, -1, -1)[of_each, :, places].transpose(1, 2)
        out = self.attend(q, k, v, mask=mask, causal=False)
        return spread(out[kept[of_each, places]], kept)


def _of_each(table: Tensor, x: Tensor) -> Tensor:
    """A rotary table, (B or 1, T, 1, dims / 2), of each row."""
    return table.expand(len(x), -1, -1, -1)


def seen_by(run: Pass, tokens: int, seen: int, device: torch.device) -> Tensor:
    """Return the mask of a pass, (B or 1, 1, T, S), True where a token is seen."""
    if run.mask is not None:
        return run.mask
    return torch.ones(tokens, seen, dtype=torch.bool, device=device).tril(seen - tokens)[None, None]


class SkippingDecoder(Decoder):
    """A decoder of blocks that tokens may skip; its connections are a SkippingStream."""

    def set_skipping(self, enable: bool = True) -> None:
        """Do not compute what tokens skip. The outputs are the same, up to rounding."""
        connections: Any = self.connections
        connections.skipping = enable

    def forward_stream(self, ids: Tensor) -> tuple[Tensor, Any]:
        """(B, T) -> logits and the stream after the last layer, with its gates."""
        streams: list[Any] = []
        hook = self.layers[-1].register_forward_hook(lambda *call: streams.append(call[2]))
        try:
            return self(ids), streams[-1]
        finally:
            hook.remove()


@torch.no_grad()
def computed_share(model: SkippingDecoder, ids: Tensor) -> float:
    """Return the multiply-adds of a forward pass with skipping, in a share of one without.

    They are not estimated from the gates: torch counts those of the calls that are made.

    Args:
        model: A network in eval mode; afterwards it does not skip.
        ids: (B, T).

    Example:
        >>> import zoo
        >>> model = zoo.create("gateskip_nano").eval()
        >>> computed_share(model, torch.zeros(1, 8, dtype=torch.long))  # its budget is 1
        1.0
    """

    def flops(skipping: bool) -> int:
        model.set_skipping(skipping)
        with FlopCounterMode(display=False) as counter:
            model(ids)
        return int(counter.get_total_flops())

    skipped = flops(True)
    return skipped / flops(False)


class Penalised(nn.Module):
    """A network that is trained with a penalty on its gates: ids -> logits, penalty.

    A recipe's `around`, for the objective PenalisedNextToken.
    """

    def __init__(self, network: SkippingDecoder) -> None:
        super().__init__()
        self.network = network

    def penalty(self, stream: Any) -> Tensor:
        """Return what is added to the loss, for the stream after the last layer."""
        raise NotImplementedError

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        logits, stream = self.network.forward_stream(ids)
        return logits, self.penalty(stream)
