"""Text from a language model, token by token, with keys and values kept from token to token.

prompts -> padded on the left -> one pass -> (choose -> one token's pass) x n -> ids

>>> zoo.generate(model, [[1, 2, 3]], max_new_tokens=20)
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Ids = Sequence[Sequence[int]]


@dataclass(frozen=True, kw_only=True)
class SamplingParams:
    """How the next token is chosen: the likeliest at temperature 0; else drawn, among the `top_k`
    likeliest (0: all), and the fewest whose probabilities reach `top_p`."""

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        if self.temperature < 0 or self.top_k < 0 or not 0 < self.top_p <= 1:
            raise ValueError(
                "temperature and top_k are 0 or more and top_p is in 0..1, not "
                f"{self.temperature}, {self.top_k}, {self.top_p}"
            )

    def __call__(self, logits: Tensor, generator: torch.Generator) -> Tensor:
        """(B, vocab) -> ids (B,)."""
        if self.temperature == 0:
            return logits.argmax(-1)
        shares = self.shares(logits).cpu()  # so that a seed gives the same on every device
        return torch.multinomial(shares, 1, generator=generator)[:, 0].to(logits.device)

    def shares(self, logits: Tensor) -> Tensor:
        """(B, vocab) -> the probabilities to draw by."""
        logits = logits.float() / self.temperature
        if 0 < self.top_k < logits.shape[-1]:
            least = logits.topk(self.top_k).values[:, -1:]
            logits = logits.masked_fill(logits < least, -torch.inf)
        shares = logits.softmax(-1)
        if self.top_p < 1:
            ranked, order = shares.sort(descending=True)
            beyond = ranked.cumsum(-1) - ranked >= self.top_p  # reached before this one
            shares = shares.scatter(-1, order, ranked.masked_fill(beyond, 0.0))
        return shares


def check_prompts(ids: Ids, model: Any) -> None:
    """Raises ValueError for prompts that a model cannot go on from."""
    if not len(ids) or not all(len(row) for row in ids):
        raise ValueError("a prompt needs at least one token")
    longest = max(len(row) for row in ids)
    if longest >= model.context:
        raise ValueError(
            f"a prompt of {longest} tokens leaves no room in the context of {model.context}"
        )
    worst = max(max(row) for row in ids)
    if worst >= model.vocab or min(min(row) for row in ids) < 0:
        raise ValueError(f"token ids are 0..{model.vocab - 1}, not {worst}; is this its tokenizer?")


@torch.inference_mode()
def generate_stream(
    model: Any,
    ids: Ids,
    *,
    max_new_tokens: int = 128,
    choice: SamplingParams | None = None,
    seed: int = 0,
    stop: Collection[int] = (),
) -> Iterator[list[int | None]]:
    """The next token of each prompt, step by step; None for one that has stopped.

    Ends when all have given a token of `stop` (which is yielded), after `max_new_tokens`, or when
    the context is full. Raises ValueError as check_prompts says.
    """
    check_prompts(ids, model)
    choose = choice or SamplingParams()
    device = next(model.parameters()).device
    longest = max(len(row) for row in ids)
    pads = [longest - len(row) for row in ids]
    prompt = torch.tensor([[0] * n + list(row) for n, row in zip(pads, ids, strict=True)])
    padding = torch.tensor(pads, device=device) if any(pads) else None
    steps = min(max_new_tokens, model.context - longest)
    cache = model.cache(len(ids), longest + steps, padding)
    generator = torch.Generator().manual_seed(seed)
    alive, found = torch.ones(len(ids), dtype=torch.bool), prompt.to(device)
    for _ in range(steps):
        hidden = model.forward_features(found, cache)
        found = choose(model.forward_head(hidden[:, -1]), generator)[:, None]
        chosen = found[:, 0].tolist()
        yield [
            token if going else None for token, going in zip(chosen, alive.tolist(), strict=True)
        ]
        alive &= torch.tensor([token not in stop for token in chosen])
        if not alive.any():
            return


def generate(model: Any, ids: Tensor | Ids, **options: Any) -> list[list[int]]:
    """Prompts of token ids, each with what the model goes on with; for options see stream."""
    rows = [list(map(int, row)) for row in ids]
    model.eval()
    for tokens in generate_stream(model, rows, **options):
        for row, token in zip(rows, tokens, strict=True):
            if token is not None:
                row.append(token)
    return rows
