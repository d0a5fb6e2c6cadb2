"""Texts in, nats out: every token but the first is scored once.

tokens -> windows, by a protocol -> network -> (index, nats, tokens scored)
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from zoo.benchmarks.language import Nats, Windows, batches, check, score
from zoo.details import Reading
from zoo.evaluation.engine import Answers
from zoo.evaluation.how import How
from zoo.evaluation.log import Entry


class Tokens:
    """A language model and the ids of a text, of `size_in_bytes` if that is known. Raises
    ValueError for a window longer than the model's context, or ids that it has not."""

    batch_size = 8

    def __init__(
        self, network: nn.Module, ids: np.ndarray, protocol: Reading, size_in_bytes: int = 0
    ) -> None:
        check(network, ids, protocol)
        self.network, self.ids, self.bytes = network, ids, size_in_bytes
        self.windows = Windows(len(ids), protocol)
        self.size = len(self.windows)

    def ready(self, device: torch.device, how: How) -> None:
        """Puts the network where it runs."""
        if how.precision == "fp16" and device.type == "cpu":
            raise ValueError("a CPU reads texts in fp32 or bf16, not in fp16")
        self.network = self.network.to(device).eval()
        self.cast = torch.autocast(device.type, how.dtype, enabled=how.precision != "fp32")

    def groups(self, indices: Sequence[int], size: int) -> Iterator[list[int]]:
        return batches(self.windows, indices, size)

    def load(self, index: int) -> np.ndarray:
        """The ids of a window, and the one after it."""
        first, last, _ = self.windows[index]
        return np.asarray(self.ids[first : last + 1], dtype=np.int64)

    def answer(self, batch: list[tuple[int, Any]]) -> Iterator[Entry]:
        places = [self.windows[index] for index, _ in batch]
        with self.cast:
            found = score(self.network, np.stack([row for _, row in batch]), places)
        for (index, _), (nats, count) in zip(batch, found, strict=True):
            yield index, nats, count

    def total(self, found: Answers) -> Nats:
        """The sum over windows, in any order. Raises RuntimeError unless all windows together have
        every token but the first."""
        nats = math.fsum(entry[0] for entry in found.values())
        seen = Nats(nats, sum(entry[1] for entry in found.values()))
        if len(found) == self.size and seen.tokens != self.windows.count - 1:
            raise RuntimeError(f"{seen.tokens} of {self.windows.count - 1} tokens were scored")
        return seen

    def scores(self, found: Answers) -> dict[str, Any]:
        """Loss in nats a token with its interval, perplexity, and bits a byte of a whole text."""
        total = self.total(found)
        whole = self.bytes if len(found) == self.size else 0
        values = total.scores(whole)
        scores: dict[str, Any] = {name: {"value": value} for name, value in values.items()}
        scores["loss"] |= {"count": total.nats, "total": total.tokens}
        if len(found) > 1:
            scores["loss"]["interval"] = _interval(values["loss"], list(found.values()))
        return {"samples": len(found), "scores": scores, "parts": {}}


def _interval(loss: float, windows: list[Entry]) -> list[float]:
    """A loss +- 1.96 standard errors of a ratio of sums over windows (linearised)."""
    n, tokens = len(windows), sum(count for _, count in windows)
    off = math.fsum((nats - loss * count) ** 2 for nats, count in windows)
    half = 1.96 * math.sqrt(n / (n - 1) * off) / tokens
    return [round(loss - half, 6), round(loss + half, 6)]
