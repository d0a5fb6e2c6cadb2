"""Texts in, nats out: every token but the first is scored once.

tokens -> windows, by a protocol -> network -> (index, nats, tokens scored)
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.evaluation.answer_log import Prediction
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.engine import Predictions
from zoo.papers.protocols import SlidingWindowProtocol


class NllSum(NamedTuple):
    """What was scored: the sum over `tokens` of -ln of their probability."""

    nats: float = 0.0
    tokens: int = 0

    def plus(self, other: "NllSum") -> "NllSum":
        return NllSum(self.nats + other.nats, self.tokens + other.tokens)

    def scores(self, size: int) -> dict[str, float]:
        """Loss in nats a token, perplexity, and bits a byte if the `size` in bytes is known."""
        loss = self.nats / self.tokens
        found = {"loss": loss, "perplexity": math.exp(loss)}
        return found | ({"bits_per_byte": self.nats / math.log(2) / size} if size else {})


@dataclass(frozen=True)
class SlidingWindows:
    """`count` tokens as windows by a protocol: window i begins at i * stride."""

    count: int
    reading: SlidingWindowProtocol

    @property
    def stride(self) -> int:
        return self.reading.stride or self.reading.context

    def __len__(self) -> int:
        beyond = max(0, self.count - 1 - self.reading.context)
        return 1 + -(-beyond // self.stride) if self.count > 1 else 0

    def __getitem__(self, index: int) -> tuple[int, int, int]:
        """(first, last, from where): tokens first..last - 1 are shown, first + 1 .. last are to be
        predicted, those up to `from where` have been scored before."""
        first = index * self.stride
        last = min(first + self.reading.context, self.count - 1)
        seen = first if index == 0 else first - self.stride + self.reading.context
        return first, last, seen


@torch.inference_mode()
def score_windows(
    model: nn.Module, rows: np.ndarray, places: Sequence[tuple[int, int, int]]
) -> list[NllSum]:
    """Of each of some windows of one length: `rows` are their ids, with the one after each. Logits
    are taken to float32, sums are in float64."""
    shown = torch.from_numpy(rows).to(next(model.parameters()).device)
    logits: Tensor = model(shown[:, :-1])
    losses = F.cross_entropy(logits.float().transpose(1, 2), shown[:, 1:], reduction="none")
    return [
        NllSum(float(loss[seen - first :].double().sum()), last - seen)
        for loss, (first, last, seen) in zip(losses, places, strict=True)
    ]


def window_batches(
    windows: SlidingWindows, indices: Sequence[int], size: int
) -> Iterator[list[int]]:
    """`indices` in batches of windows of one length: a shorter last window goes alone."""
    batch: list[int] = []
    for i in indices:
        first, last, _ = windows[i]
        if last - first < windows.reading.context:
            yield from ([batch] if batch else [])
            batch = []
            yield [i]
            continue
        batch.append(i)
        if len(batch) == size:
            yield batch
            batch = []
    yield from ([batch] if batch else [])


def total_nll(
    model: nn.Module, tokens: np.ndarray, reading: SlidingWindowProtocol, batch_size: int = 16
) -> NllSum:
    """The sum over all tokens but the first. Raises ValueError for a window longer than the
    model's context, or ids that it has not."""
    check_windows(model, tokens, reading)
    model.eval()
    windows, found = SlidingWindows(len(tokens), reading), NllSum()
    for batch in window_batches(windows, range(len(windows)), batch_size):
        places = [windows[i] for i in batch]
        rows = np.stack([np.asarray(tokens[a : b + 1], dtype=np.int64) for a, b, _ in places])
        for part in score_windows(model, rows, places):
            found = found.plus(part)
    if found.tokens != len(tokens) - 1:
        raise RuntimeError(f"{found.tokens} of {len(tokens) - 1} tokens were scored")
    return found


def check_windows(model: Any, tokens: np.ndarray, reading: SlidingWindowProtocol) -> None:
    """Raises ValueError for what `total` refuses."""
    if reading.context > model.context:
        raise ValueError(
            f"windows of {reading.context} tokens are longer than the context of {model.context}"
        )
    if len(tokens) < 2:
        raise ValueError("a text of fewer than two tokens has nothing to predict")
    if (most := int(tokens.max())) >= model.vocab:
        raise ValueError(f"the texts have the id {most}; the model has 0..{model.vocab - 1}")


class LanguageModelingEvaluator:
    """A language model and the ids of a text, of `size_in_bytes` if that is known. Raises
    ValueError for a window longer than the model's context, or ids that it has not."""

    batch_size = 8

    def __init__(
        self,
        network: nn.Module,
        ids: np.ndarray,
        protocol: SlidingWindowProtocol,
        size_in_bytes: int = 0,
    ) -> None:
        check_windows(network, ids, protocol)
        self.network, self.ids, self.bytes = network, ids, size_in_bytes
        self.windows = SlidingWindows(len(ids), protocol)
        self.size = len(self.windows)

    def ready(self, device: torch.device, how: EvalConfig) -> None:
        """Puts the network where it runs."""
        if how.precision == "fp16" and device.type == "cpu":
            raise ValueError("a CPU reads texts in fp32 or bf16, not in fp16")
        self.network = self.network.to(device).eval()
        self.cast = torch.autocast(device.type, how.dtype, enabled=how.precision != "fp32")

    def groups(self, indices: Sequence[int], size: int) -> Iterator[list[int]]:
        return window_batches(self.windows, indices, size)

    def load(self, index: int) -> np.ndarray:
        """The ids of a window, and the one after it."""
        first, last, _ = self.windows[index]
        return np.asarray(self.ids[first : last + 1], dtype=np.int64)

    def answer(self, batch: list[tuple[int, Any]]) -> Iterator[Prediction]:
        places = [self.windows[index] for index, _ in batch]
        with self.cast:
            found = score_windows(self.network, np.stack([row for _, row in batch]), places)
        for (index, _), (nats, count) in zip(batch, found, strict=True):
            yield index, nats, count

    def total(self, found: Predictions) -> NllSum:
        """The sum over windows, in any order. Raises RuntimeError unless all windows together have
        every token but the first."""
        nats = math.fsum(entry[0] for entry in found.values())
        seen = NllSum(nats, sum(entry[1] for entry in found.values()))
        if len(found) == self.size and seen.tokens != self.windows.count - 1:
            raise RuntimeError(f"{seen.tokens} of {self.windows.count - 1} tokens were scored")
        return seen

    def scores(self, found: Predictions) -> dict[str, Any]:
        """Loss in nats a token with its interval, perplexity, and bits a byte of a whole text."""
        total = self.total(found)
        whole = self.bytes if len(found) == self.size else 0
        values = total.scores(whole)
        scores: dict[str, Any] = {name: {"value": value} for name, value in values.items()}
        scores["loss"] |= {"count": total.nats, "total": total.tokens}
        if len(found) > 1:
            scores["loss"]["interval"] = _interval(values["loss"], list(found.values()))
        return {"samples": len(found), "scores": scores, "parts": {}}


def _interval(loss: float, windows: list[Prediction]) -> list[float]:
    """A loss +- 1.96 standard errors of a ratio of sums over windows (linearised)."""
    n, tokens = len(windows), sum(count for _, count in windows)
    off = math.fsum((nats - loss * count) ** 2 for nats, count in windows)
    half = 1.96 * math.sqrt(n / (n - 1) * off) / tokens
    return [round(loss - half, 6), round(loss + half, 6)]
