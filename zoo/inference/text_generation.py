"""A language model that writes: text in, text out.

prompt -> tokenizer -> ids -> zoo.inference.generation -> ids -> text, up to a stop
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.data.tokenizers import Tokenizer
from zoo.data.tokenizers import get_tokenizer as read_tokenizer
from zoo.inference.generation import generate_stream
from zoo.models._factory import create
from zoo.models._registry import parse_name
from zoo.models._sources import load_file

UNFINISHED = "\N{REPLACEMENT CHARACTER}"  # at the end: half of a character's bytes


@dataclass(frozen=True)
class TextGenerator:
    """A network and the tokenizer that its ids are of."""

    model: Any
    tokenizer: Tokenizer

    @classmethod
    def load(
        cls, name: str, *, weights: Path | None = None, tokenizer: str = ""
    ) -> "TextGenerator":
        """The language model `name`, with its weights or those of a file, and its own tokenizer
        unless another is named. Raises ValueError for a network that is none."""
        entry, _ = parse_name(name)
        if not entry.is_language_model:
            raise ValueError(f"{name} is no language model; `zoo list --task language-modeling`")
        model = load_file(name, weights) if weights else create(name, pretrained=True)
        return cls(model.eval(), read_tokenizer(tokenizer or entry.cfg["tokenizer"]))

    def ids(self, prompt: str) -> list[int]:
        """Of a prompt; an empty one is the end of the text before."""
        return self.tokenizer.encode(prompt) or [self.tokenizer.end]

    def write(
        self, prompts: Sequence[str], *, stop: Sequence[str] = (), **options: Any
    ) -> list[str]:
        """What each prompt goes on with, without the prompt, up to the first text of `stop`; for
        the options see zoo.inference.generation.generate_stream."""
        found: list[list[int]] = [[] for _ in prompts]
        ids, end = [self.ids(prompt) for prompt in prompts], {self.tokenizer.end}
        for tokens in generate_stream(self.model, ids, stop=end, **options):
            for row, token in zip(found, tokens, strict=True):
                row.extend([] if token is None else [token])
            if stop and all(self._ended(row, stop) for row in found):
                break
        return [truncate_at_stop(self.tokenizer.decode(row), stop)[0] for row in found]

    def _ended(self, row: list[int], stop: Sequence[str]) -> bool:
        ended = self.tokenizer.end in row
        return ended or truncate_at_stop(self.tokenizer.decode(row), stop)[1]

    def stream(self, prompt: str, *, stop: Sequence[str] = (), **options: Any) -> Iterator[str]:
        """The same for one prompt, in pieces, as they are written."""
        row: list[int] = []
        sent = 0
        for (token,) in generate_stream(
            self.model, [self.ids(prompt)], stop={self.tokenizer.end}, **options
        ):
            assert token is not None
            row.append(token)
            text, ended = truncate_at_stop(self.tokenizer.decode(row), stop)
            ready = len(text) if ended else _sure(text, stop)
            if ready > sent:
                yield text[sent:ready]
                sent = ready
            if ended:
                return
        yield from filter(None, [self.tokenizer.decode(row)[sent:]])


def truncate_at_stop(text: str, stop: Sequence[str]) -> tuple[str, bool]:
    """A text up to the first of `stop`, and whether one of them is there."""
    places = [place for end in stop if end and (place := text.find(end)) >= 0]
    return (text[: min(places)], True) if places else (text, False)


def _sure(text: str, stop: Sequence[str]) -> int:
    """How much of a text will stay, whatever follows: no half character, no beginning of a stop."""
    length = len(text.rstrip(UNFINISHED))
    for end in stop:
        heads = (n for n in range(len(end) - 1, 0, -1) if text[:length].endswith(end[:n]))
        length -= next(heads, 0)
    return length
