"""Token-by-token generation with a key-value cache.

prompts -> padded on the left -> one pass -> (sample -> one token's pass) x n -> ids

A row does not depend on its batch: it has a generator of random numbers and a context of its own.
"""

import hashlib
import logging
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from zoo.models._factory import create

log = logging.getLogger(__name__)
Ids = Sequence[Sequence[int]]
Stop = Collection[int] | Callable[[list[int]], bool]  # ids, or True for a row's finished new tokens


@dataclass(frozen=True, kw_only=True)
class SamplingParams:
    """Choice of the next token."""

    temperature: float = 0.0  # 0: the most probable token; else draw from logits / temperature
    top_k: int = 0  # draw among the k most probable tokens; 0: among all
    top_p: float = 1.0  # draw among the fewest tokens whose probabilities reach this sum

    def __post_init__(self) -> None:
        is_temperature = math.isfinite(self.temperature) and self.temperature >= 0
        if not is_temperature or self.top_k < 0 or not 0 < self.top_p <= 1:
            raise ValueError(
                "temperature and top_k are finite and 0 or more, and top_p is in 0..1, not "
                f"{self.temperature}, {self.top_k}, {self.top_p}"
            )

    def __call__(self, logits: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
        """Choose the next tokens, a generator a row: (B, vocab) -> ids (B,)."""
        if self.temperature == 0:
            return logits.argmax(-1)
        # drawn on the CPU, so that a seed gives the same tokens on every device
        rows = zip(self.probabilities(logits.cpu()), generators, strict=True)
        draws = [torch.multinomial(row, 1, generator=generator) for row, generator in rows]
        return torch.cat(draws).to(logits.device)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return the (unnormalised) probabilities to draw by: (B, vocab) -> (B, vocab)."""
        highest = logits.max(-1, keepdim=True).values  # by which the quotient cannot overflow
        logits = ((logits - highest).double() / self.temperature).float()
        if 0 < self.top_k < logits.shape[-1]:
            smallest = logits.topk(self.top_k).values[:, -1:]
            logits = logits.masked_fill(logits < smallest, -torch.inf)
        probabilities = logits.softmax(-1)
        if self.top_p < 1:
            ranked, order = probabilities.sort(descending=True)
            beyond = ranked.cumsum(-1) - ranked >= self.top_p  # reached before this one
            probabilities = probabilities.scatter(-1, order, ranked.masked_fill(beyond, 0.0))
        return probabilities


def check_prompts(ids: Ids, model: Any) -> None:
    """Raise ValueError for prompts that a model cannot continue."""
    if not len(ids) or not all(len(row) for row in ids):
        raise ValueError("a prompt needs at least one token")
    longest = max(len(row) for row in ids)
    if longest >= model.context:
        raise ValueError(
            f"a prompt of {longest} tokens leaves no room in the context of {model.context}"
        )
    unknown = [i for row in ids for i in (min(row), max(row)) if not 0 <= i < model.vocab]
    if unknown:
        raise ValueError(
            f"token ids are 0..{model.vocab - 1}, not {unknown[0]}; is this its tokenizer?"
        )


def row_generators(ids: Ids, seed: int | Sequence[int]) -> list[torch.Generator]:
    """Return a generator for each prompt, by its ids, and its seed or how often it came before.

    Raises:
        ValueError: there is not one seed for each prompt.
    """
    if not isinstance(seed, int) and len(seed) != len(ids):
        raise ValueError(f"{len(seed)} seeds for {len(ids)} prompts; give one, or one for each")
    repeats: Counter[tuple[int, ...]] = Counter()
    generators = []
    for i, row in enumerate(map(tuple, ids)):
        key = (seed, repeats[row], row) if isinstance(seed, int) else (seed[i], 0, row)
        digest = hashlib.sha256(repr(key).encode()).digest()
        generators.append(torch.Generator().manual_seed(int.from_bytes(digest[:8]) >> 1))
        repeats[row] += 1
    return generators


@torch.inference_mode()
def generate_stream(
    model: Any,
    ids: Ids,
    *,
    max_new_tokens: int = 128,
    sampling: SamplingParams | None = None,
    seed: int | Sequence[int] = 0,
    stop: Stop = (),
) -> Iterator[list[int | None]]:
    """Yield the next token of each prompt, step by step; None for a prompt that has ended.

    Args:
        model: a language model in eval mode.
        ids: prompts of token ids, of any lengths.
        max_new_tokens: largest number of steps; a prompt that fills the context ends, and is
            logged.
        sampling: greedy by default.
        seed: of the draws, or one for each prompt; a prompt that is repeated is drawn anew.
        stop: ids that end a prompt, or a function of its new tokens; the last one is yielded.
            The last prompt's end ends the stream.

    Raises:
        ValueError: a prompt is empty, fills the context, or holds ids beyond the vocabulary.
        FloatingPointError: logits are not finite.
    """
    check_prompts(ids, model)
    if max_new_tokens < 0:
        raise ValueError(f"max_new_tokens is 0 or more, not {max_new_tokens}")
    sample, generators = sampling or SamplingParams(), row_generators(ids, seed)
    has_ended = stop if callable(stop) else lambda row: row[-1] in stop
    inputs, padding = _pad_left(ids, next(model.parameters()).device)
    limits = [min(max_new_tokens, model.context - len(row)) for row in ids]
    steps = max(limits)
    cache = model.cache(len(ids), inputs.shape[1] + steps, padding)
    rows: list[list[int]] = [[] for _ in ids]
    active = [limit > 0 for limit in limits]
    for _ in range(steps):
        logits = model.forward_head(model.forward_features(inputs, cache)[:, -1])
        _check_finite(logits, active, rows)
        inputs = sample(logits.nan_to_num(), generators)[:, None]
        tokens = inputs[:, 0].tolist()
        yield [token if go else None for token, go in zip(tokens, active, strict=True)]
        for i in [i for i, go in enumerate(active) if go]:
            rows[i].append(tokens[i])
            active[i] = not has_ended(rows[i]) and not _is_at_limit(i, rows, limits, max_new_tokens)
        if not any(active):
            return


def _pad_left(ids: Ids, device: torch.device) -> tuple[Tensor, Tensor | None]:
    """Return prompts of one length, (B, T), and the number of padding tokens of each, (B,)."""
    longest = max(len(row) for row in ids)
    pads = [longest - len(row) for row in ids]
    padded = torch.tensor([[0] * n + list(row) for n, row in zip(pads, ids, strict=True)])
    return padded.to(device), torch.tensor(pads, device=device) if any(pads) else None


def _check_finite(logits: Tensor, active: list[bool], rows: list[list[int]]) -> None:
    """Raise FloatingPointError if logits of a row that goes on are not finite."""
    for i, is_finite in enumerate(logits.isfinite().all(-1).tolist()):
        if active[i] and not is_finite:
            raise FloatingPointError(
                f"prompt {i} has logits that are not finite for new token {len(rows[i]) + 1}; "
                "run the model in float32 (--precision fp32) or check its weights"
            )


def _is_at_limit(row: int, rows: list[list[int]], limits: list[int], max_new_tokens: int) -> bool:
    """Return True if a row has as many tokens as it may; log that the context is why."""
    count = len(rows[row])
    if count == limits[row] < max_new_tokens:
        log.warning(
            f"prompt {row} ended after {count} of {max_new_tokens} new tokens: "
            "the context of the model is full"
        )
    return count == limits[row]


def generate(
    model: str | nn.Module,
    ids: Tensor | Ids,
    *,
    max_new_tokens: int = 128,
    sampling: SamplingParams | None = None,
    seed: int | Sequence[int] = 0,
    stop: Collection[int] = (),
) -> list[list[int]]:
    """Continue prompts of token ids with a language model.

    Args:
        model: a name, whose weights are loaded, or a module, which is put into eval mode.
        ids: prompts, (B, T) or lists of any lengths.
        max_new_tokens: largest number of new tokens; a prompt that fills the model's context ends,
            and is logged.
        sampling: temperature, top_k and top_p; greedy by default.
        seed: of the draws, or one for each prompt. A prompt is drawn alike in every batch, and a
            prompt that is repeated within one is drawn anew.
        stop: ids that end a continuation, and are its last token.

    Returns:
        Each prompt with its continuation.

    Raises:
        ValueError: a prompt is empty, fills the context, or holds ids beyond the vocabulary.
        FloatingPointError: logits are not finite.

    >>> import zoo
    >>> (row,) = zoo.generate("gpt2_nano", [list(b"This PEP ")], max_new_tokens=9)
    >>> len(row)
    18
    """
    network: Any = create(model, pretrained=True) if isinstance(model, str) else model
    network.eval()
    rows = [list(map(int, row)) for row in ids]
    for tokens in generate_stream(
        network, rows, max_new_tokens=max_new_tokens, sampling=sampling, seed=seed, stop=stop
    ):
        for row, token in zip(rows, tokens, strict=True):
            if token is not None:
                row.append(token)
    return rows
