"""Token-by-token generation with a key-value cache.

prompts -> padded on the left -> one pass -> (sample -> one token's pass) x n -> ids
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from zoo.models._factory import create

Ids = Sequence[Sequence[int]]


@dataclass(frozen=True, kw_only=True)
class SamplingParams:
    """How the next token is chosen."""

    temperature: float = 0.0  # 0: the most probable token; else draw from logits / temperature
    top_k: int = 0  # draw among the k most probable tokens; 0: among all
    top_p: float = 1.0  # draw among the fewest tokens whose probabilities reach this sum

    def __post_init__(self) -> None:
        if self.temperature < 0 or self.top_k < 0 or not 0 < self.top_p <= 1:
            raise ValueError(
                "temperature and top_k are 0 or more and top_p is in 0..1, not "
                f"{self.temperature}, {self.top_k}, {self.top_p}"
            )

    def __call__(self, logits: Tensor, generator: torch.Generator) -> Tensor:
        """Choose the next tokens: (B, vocab) -> ids (B,)."""
        if self.temperature == 0:
            return logits.argmax(-1)
        # drawn on the CPU, so that a seed gives the same tokens on every device
        probabilities = self.probabilities(logits).cpu()
        return torch.multinomial(probabilities, 1, generator=generator)[:, 0].to(logits.device)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return the (unnormalised) probabilities to draw by: (B, vocab) -> (B, vocab)."""
        logits = logits.float() / self.temperature
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
    largest = max(max(row) for row in ids)
    if largest >= model.vocab or min(min(row) for row in ids) < 0:
        raise ValueError(
            f"token ids are 0..{model.vocab - 1}, not {largest}; is this its tokenizer?"
        )


@torch.inference_mode()
def generate_stream(
    model: Any,
    ids: Ids,
    *,
    max_new_tokens: int = 128,
    sampling: SamplingParams | None = None,
    seed: int = 0,
    stop: Collection[int] = (),
) -> Iterator[list[int | None]]:
    """Yield the next token of each prompt, step by step; None for a prompt that has ended.

    Args:
        model: a language model in eval mode.
        ids: prompts of token ids, of any lengths.
        max_new_tokens: largest number of steps; the context of the model is another limit.
        sampling: greedy by default.
        seed: of the draws.
        stop: ids that end a prompt; they are yielded. The last prompt's end ends the stream.

    Raises:
        ValueError: a prompt is empty, fills the context, or holds ids beyond the vocabulary.
    """
    check_prompts(ids, model)
    sample = sampling or SamplingParams()
    device = next(model.parameters()).device
    longest = max(len(row) for row in ids)
    pads = [longest - len(row) for row in ids]
    prompts = torch.tensor([[0] * n + list(row) for n, row in zip(pads, ids, strict=True)])
    padding = torch.tensor(pads, device=device) if any(pads) else None
    steps = min(max_new_tokens, model.context - longest)
    cache = model.cache(len(ids), longest + steps, padding)
    generator = torch.Generator().manual_seed(seed)
    active, inputs = [True] * len(ids), prompts.to(device)
    for _ in range(steps):
        hidden = model.forward_features(inputs, cache)
        inputs = sample(model.forward_head(hidden[:, -1]), generator)[:, None]
        tokens = inputs[:, 0].tolist()
        yield [
            token if is_active else None for token, is_active in zip(tokens, active, strict=True)
        ]
        active = [a and token not in stop for a, token in zip(active, tokens, strict=True)]
        if not any(active):
            return


def generate(
    model: str | nn.Module,
    ids: Tensor | Ids,
    *,
    max_new_tokens: int = 128,
    sampling: SamplingParams | None = None,
    seed: int = 0,
    stop: Collection[int] = (),
) -> list[list[int]]:
    """Continue prompts of token ids with a language model.

    Args:
        model: a name, whose weights are loaded, or a module, which is put into eval mode.
        ids: prompts, (B, T) or lists of any lengths.
        max_new_tokens: largest number of new tokens; the model's context is another limit.
        sampling: temperature, top_k and top_p; greedy by default.
        seed: of the draws.
        stop: ids that end a continuation, and are its last token.

    Returns:
        Each prompt with its continuation.

    Raises:
        ValueError: a prompt is empty, fills the context, or holds ids beyond the vocabulary.

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
