"""Language modeling: negative log-likelihood of texts, every token but the first scored once.

tokens -> sliding windows, by a protocol -> network -> (index, nats, tokens scored)

A window enters the network at once, and its tokens are scored from the second on. Windows that are
`stride` apart overlap; tokens that an earlier window scored are context only.
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
from zoo.evaluation.contents import ids_sha256
from zoo.evaluation.engine import Batch, Predictions
from zoo.evaluation.samples import NonFiniteOutputError
from zoo.papers.protocols import SlidingWindowProtocol


class NllSum(NamedTuple):
    """A sum of negative log-likelihoods."""

    nats: float
    tokens: int  # number of terms


@dataclass(frozen=True)
class SlidingWindows:
    """Windows over a text: window i begins at token i * stride."""

    count: int  # tokens of the text
    protocol: SlidingWindowProtocol

    @property
    def stride(self) -> int:
        return self.protocol.stride or self.protocol.context

    def __len__(self) -> int:
        beyond = max(0, self.count - 1 - self.protocol.context)
        return 1 + -(-beyond // self.stride) if self.count > 1 else 0

    def __getitem__(self, index: int) -> tuple[int, int, int]:
        """Return (first, last, scored): the input is tokens first..last - 1, the targets are tokens
        first + 1..last, of which those up to `scored` belong to earlier windows."""
        first = index * self.stride
        last = min(first + self.protocol.context, self.count - 1)
        scored = first if index == 0 else first - self.stride + self.protocol.context
        return first, last, scored


@torch.inference_mode()
def score_windows(
    model: nn.Module, rows: np.ndarray, windows: Sequence[tuple[int, int, int]]
) -> list[NllSum]:
    """Score windows of one length.

    Args:
        model: ids (B, L) -> logits (B, L, vocab), taken to float32.
        rows: ids (B, L + 1) of each window and the token after it.
        windows: (first, last, scored) of each, see SlidingWindows.

    Returns:
        The sum over each window's new tokens, in float64.
    """
    ids = torch.from_numpy(rows).to(next(model.parameters()).device)
    logits: Tensor = model(ids[:, :-1])
    losses = F.cross_entropy(logits.float().transpose(1, 2), ids[:, 1:], reduction="none")
    return [
        NllSum(float(loss[scored - first :].double().sum()), last - scored)
        for loss, (first, last, scored) in zip(losses.cpu(), windows, strict=True)
    ]


def window_batches(
    windows: SlidingWindows, indices: Sequence[int], size: int
) -> Iterator[list[int]]:
    """Yield indices in batches of up to `size` full windows; a shorter last window goes alone."""
    batch: list[int] = []
    for i in indices:
        first, last, _ = windows[i]
        is_short = last - first < windows.protocol.context
        if batch and (is_short or len(batch) == size):
            yield batch
            batch = []
        if is_short:
            yield [i]
        else:
            batch.append(i)
    if batch:
        yield batch


def check_windows(model: Any, tokens: np.ndarray, protocol: SlidingWindowProtocol) -> None:
    """Raise ValueError for windows longer than the model's context, ids beyond its vocabulary, or
    a text of fewer than two tokens."""
    if protocol.context > model.context:
        raise ValueError(
            f"windows of {protocol.context} tokens are longer than the context of {model.context}"
        )
    if len(tokens) < 2:
        raise ValueError("a text of fewer than two tokens has nothing to predict")
    for extreme in (int(tokens.min()), int(tokens.max())):
        if not 0 <= extreme < model.vocab:
            raise ValueError(f"the texts have the id {extreme}; the model has 0..{model.vocab - 1}")


class LanguageModelingEvaluator:
    """A language model on the token ids of a text.

    Args:
        network: with `context` and `vocab`.
        ids: of the whole text.
        protocol: length and stride of the windows.
        size_in_bytes: of the text, for bits per byte; 0 if unknown.
        characters: of the text, for bits per character; 0 if unknown.
        words: of the text, for a protocol whose perplexity is per word.

    Raises:
        ValueError: for windows longer than the context, ids beyond the vocabulary, or a perplexity
            per word without words.
    """

    batch_size = 8

    def __init__(
        self,
        network: nn.Module,
        ids: np.ndarray,
        protocol: SlidingWindowProtocol,
        size_in_bytes: int = 0,
        characters: int = 0,
        words: int = 0,
    ) -> None:
        check_windows(network, ids, protocol)
        if protocol.per == "word" and not words:
            raise ValueError("a perplexity per word needs a text, not token ids")
        self.network, self.ids = network, ids
        self.bytes, self.characters, self.words = size_in_bytes, characters, words
        self.windows = SlidingWindows(len(ids), protocol)
        self.size = len(self.windows)

    def prepare(self, device: torch.device, config: EvalConfig) -> None:
        if config.precision == "fp16" and device.type == "cpu":
            raise ValueError("a CPU runs language models in fp32 or bf16, not in fp16")
        self.network = self.network.to(device).eval()
        self.autocast = torch.autocast(
            device.type, config.dtype, enabled=config.precision != "fp32"
        )

    def batches(self, indices: Sequence[int], size: int) -> Iterator[list[int]]:
        return window_batches(self.windows, indices, size)

    def contents(self) -> str:
        """Return the sha256 of what the samples are read from."""
        return ids_sha256(self.ids)

    def load(self, index: int) -> np.ndarray:
        """Return the ids of a window and the token after it."""
        first, last, _ = self.windows[index]
        return np.asarray(self.ids[first : last + 1], dtype=np.int64)

    def predict(self, batch: Batch) -> Iterator[Prediction]:
        windows = [self.windows[index] for index, _ in batch]
        rows = np.stack([row for _, row in batch])
        with self.autocast:
            sums = score_windows(self.network, rows, windows)
        for (index, _), (nats, tokens) in zip(batch, sums, strict=True):
            if not math.isfinite(nats):
                first, last, _ = self.windows[index]
                raise NonFiniteOutputError(f"tokens {first} to {last}")
            yield index, nats, tokens

    def total(self, predictions: Predictions) -> NllSum:
        """Return the sum over windows. Raises RuntimeError if all windows lack a token."""
        nats = math.fsum(nats for nats, _ in predictions.values())
        total = NllSum(nats, sum(tokens for _, tokens in predictions.values()))
        if len(predictions) == self.size and total.tokens != self.windows.count - 1:
            raise RuntimeError(f"{total.tokens} of {self.windows.count - 1} tokens were scored")
        return total

    def compute(self, predictions: Predictions) -> dict[str, Any]:
        """Return loss with its interval, perplexity by the protocol's unit and, of a whole text,
        bits per byte and character."""
        total = self.total(predictions)
        loss = total.nats / total.tokens
        per_word = self.windows.protocol.per == "word"
        scores: dict[str, Any] = {"loss": {"value": loss}}
        if len(predictions) == self.size:
            bits = total.nats / math.log(2)
            for name in ("bytes", "characters"):
                if length := getattr(self, name):
                    scores[f"bits_per_{name[:-1]}"] = {"value": bits / length}
            if per_word:
                scores["perplexity"] = {"value": math.exp(total.nats / self.words)}
        if not per_word:
            scores["perplexity"] = {"value": math.exp(loss)}
        scores["loss"] |= {"count": total.nats, "total": total.tokens}
        if len(predictions) > 1:
            scores["loss"]["interval"] = _interval(loss, list(predictions.values()))
        return {"samples": len(predictions), "scores": scores, "parts": {}}


def _interval(loss: float, windows: list[Prediction]) -> list[float]:
    """Return the loss +- 1.96 standard errors of a ratio of sums over windows (linearised)."""
    n, tokens = len(windows), sum(count for _, count in windows)
    residuals = math.fsum((nats - loss * count) ** 2 for nats, count in windows)
    half = 1.96 * math.sqrt(n / (n - 1) * residuals) / tokens
    return [round(loss - half, 6), round(loss + half, 6)]
