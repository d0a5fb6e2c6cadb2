"""Translation by beam search: sources enter the encoder once, targets grow token by token.

sources -> padded on the right, masked -> encoder -> (decoder -> the best beams) x n -> ids

As in fairseq: of the 2 K best continuations of K beams those that end are finished, the others go
on; a text with K finished ones is done. The best is that of the highest mean log-probability.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from zoo.inference.generation import Ids, check_prompts


class Hypothesis(NamedTuple):
    """A finished translation."""

    score: float  # log-probability over length ** penalty
    ids: list[int]  # without the end


class Beams:
    """The beams of one source, best first."""

    def __init__(self, count: int, end: int, penalty: float) -> None:
        self.count, self.end, self.penalty = count, end, penalty
        self.rows: list[list[int]] = [[]] * count
        self.scores = [0.0] + [-torch.inf] * (count - 1)
        self.finished: list[Hypothesis] = []

    def advance(self, scores: Sequence[float], origins: Sequence[int], ids: Sequence[int]) -> Any:
        """Take the best continuations, best first; return the beams that the new ones extend."""
        if self.is_done:
            return range(self.count)
        kept = []
        for rank, (score, origin, id_) in enumerate(zip(scores, origins, ids, strict=True)):
            if id_ != self.end:
                kept.append((score, origin, id_))
            elif rank < self.count and score > -torch.inf:
                row = self.rows[origin]
                self.finished.append(Hypothesis(score / (len(row) + 1) ** self.penalty, row))
        kept = kept[: self.count]
        kept += [(-torch.inf, 0, self.end)] * (self.count - len(kept))
        self.rows = [[*self.rows[origin], id_] for _, origin, id_ in kept]
        self.scores = [score for score, _, _ in kept]
        return [origin for _, origin, _ in kept]

    @property
    def is_done(self) -> bool:
        """Whether as many translations are finished as there are beams."""
        return len(self.finished) >= self.count


@torch.inference_mode()
def translate(
    network: Any,
    sources: Ids,
    *,
    end: int,
    max_new_tokens: int = 200,
    beams: int = 1,
    length_penalty: float = 1.0,
) -> list[list[int]]:
    """Translate texts of token ids.

    Args:
        network: An encoder-decoder with `encode`, `decode`, `cache` and `forward_head`; it is put
            into eval mode.
        sources: Token ids of each text, of any lengths.
        end: Id that ends a source and a translation, and begins a translation, as in fairseq.
        max_new_tokens: Largest number of tokens of a translation, the end included.
        beams: Translations that are tried at once; 1 takes the most probable token at each step.
        length_penalty: Exponent of the length that a log-probability is divided by; longer ones are
            preferred the larger it is.

    Returns:
        Token ids of each translation, without the ids that begin and end it.

    Raises:
        ValueError: A source is empty or too long, or has ids beyond the vocabulary; there is no
            beam, or no token.
        FloatingPointError: Logits are not finite.

    Example:
        >>> import zoo
        >>> network = zoo.create("deepnorm_translation_nano")
        >>> rows = translate(network, [list(b"Hello.")], end=256, max_new_tokens=5, beams=2)
        >>> len(rows), len(rows[0]) < 5
        (1, True)
    """
    if min(beams, max_new_tokens) < 1:
        raise ValueError(f"beams and tokens are 1 or more, not {beams} and {max_new_tokens}")
    network.eval()
    texts = [[*row, end] for row in sources]
    check_prompts(texts, network)
    source = network.encode(*_padded(texts, next(network.parameters()).device, beams))
    steps = min(max_new_tokens, network.context)
    cache = network.cache(len(texts) * beams, steps)
    searches = [Beams(beams, end, length_penalty) for _ in texts]
    while not all(search.is_done for search in searches) and cache.filled < steps:
        ids = [[row[-1] if row else end] for search in searches for row in search.rows]
        states = network.decode(torch.tensor(ids, device=cache.keys[0].device), source, cache)
        logits = network.forward_head(states[:, -1]).float()
        if not logits.isfinite().all():
            raise FloatingPointError("logits are not finite; run the network in float32")
        _advance(searches, logits.log_softmax(-1), cache, is_last=cache.filled == steps)
    return [max(search.finished).ids for search in searches]


def _padded(texts: Ids, device: torch.device, beams: int) -> tuple[Tensor, Tensor | None]:
    """Return ids and mask, (B beams, S), each text as often as it has beams."""
    ids = pad_sequence([torch.tensor(row) for row in texts], batch_first=True)
    lengths = torch.tensor([len(row) for row in texts])
    mask = torch.arange(ids.shape[1]) < lengths[:, None]
    ids, mask = (x.repeat_interleave(beams, 0).to(device) for x in (ids, mask))
    return ids, None if len(set(map(len, texts))) == 1 else mask


def _advance(searches: list[Beams], logs: Tensor, cache: Any, *, is_last: bool) -> None:
    """Let every search take its best continuations, of log-probabilities (B beams, vocab)."""
    beams, vocab = searches[0].count, logs.shape[1]
    if is_last:  # translations end here
        last = torch.full_like(logs, -torch.inf)
        last[:, searches[0].end] = logs[:, searches[0].end]
        logs = last
    scores = torch.tensor([search.scores for search in searches], device=logs.device)
    totals = (scores[..., None] + logs.view(len(searches), beams, vocab)).flatten(1)
    best, places = totals.topk(min(2 * beams, totals.shape[1]))
    rows = []
    for i, search in enumerate(searches):
        origins = (places[i] // vocab).tolist()
        kept = search.advance(best[i].tolist(), origins, (places[i] % vocab).tolist())
        rows += [i * beams + origin for origin in kept]
    if rows != list(range(len(rows))):
        cache.reorder(torch.tensor(rows, device=logs.device))
