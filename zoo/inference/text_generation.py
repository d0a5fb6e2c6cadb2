"""Text generation: a language model with its tokenizer.

prompt -> tokenizer -> ids -> zoo.inference.generation -> ids -> text, up to a stop
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from zoo.data.tokenizers import Tokenizer
from zoo.data.tokenizers import get_tokenizer as read_tokenizer
from zoo.inference.generation import SamplingParams, generate_stream
from zoo.models._factory import create
from zoo.models._registry import parse_name
from zoo.models._sources import load_file

UNFINISHED = "\N{REPLACEMENT CHARACTER}"  # at the end of a text: half of a character's bytes


@dataclass(frozen=True)
class TextGenerator:
    """A language model and its tokenizer.

    >>> generator = TextGenerator.load("gpt2_nano")
    >>> (text,) = generator.generate(["Abstract"], max_new_tokens=40)
    """

    model: Any  # in eval mode
    tokenizer: Tokenizer

    @classmethod
    def load(
        cls,
        name: str,
        *,
        weights: Path | None = None,
        tokenizer: str = "",
        dtype: torch.dtype = torch.float32,
    ) -> "TextGenerator":
        """Load a language model.

        Args:
            name: of a model or weights.
            weights: a safetensors file to load instead of the model's weights.
            tokenizer: a name, Hub repository or file; the model's own by default.
            dtype: of the model's parameters.

        Raises:
            ValueError: `name` is not a language model.
        """
        entry, _ = parse_name(name)
        if not entry.is_language_model:
            raise ValueError(f"{name} is no language model; `zoo list --task language-modeling`")
        model = load_file(name, weights) if weights else create(name, pretrained=True)
        return cls(model.eval().to(dtype), read_tokenizer(tokenizer or entry.cfg["tokenizer"]))

    def encode_prompt(self, prompt: str) -> list[int]:
        """Return the ids of a prompt; an empty one follows the end of another text."""
        return self.tokenizer.encode(prompt) or [self.tokenizer.end]

    def generate(
        self,
        prompts: Sequence[str],
        *,
        max_new_tokens: int = 128,
        sampling: SamplingParams | None = None,
        seed: int | Sequence[int] = 0,
        stop: Sequence[str] = (),
    ) -> list[str]:
        """Return the continuation of each prompt, without the prompt, up to the first stop string.

        For the other arguments see zoo.generate.
        """
        rows: list[list[int]] = [[] for _ in prompts]
        for tokens in generate_stream(
            self.model,
            [self.encode_prompt(prompt) for prompt in prompts],
            max_new_tokens=max_new_tokens,
            sampling=sampling,
            seed=seed,
            stop=lambda row: self._has_ended(row, stop),
        ):
            for row, token in zip(rows, tokens, strict=True):
                row.extend([] if token is None else [token])
        return [truncate_at_stop(self.tokenizer.decode(row), stop)[0] for row in rows]

    def _has_ended(self, row: list[int], stop: Sequence[str]) -> bool:
        if row[-1] == self.tokenizer.end:
            return True
        return bool(stop) and truncate_at_stop(self.tokenizer.decode(row), stop)[1]

    def stream(
        self,
        prompt: str,
        *,
        max_new_tokens: int = 128,
        sampling: SamplingParams | None = None,
        seed: int = 0,
        stop: Sequence[str] = (),
    ) -> Iterator[str]:
        """Yield the continuation of one prompt in pieces, as `generate` would return it."""
        row: list[int] = []
        sent = 0
        for (token,) in generate_stream(
            self.model,
            [self.encode_prompt(prompt)],
            max_new_tokens=max_new_tokens,
            sampling=sampling,
            seed=seed,
            stop=lambda row: self._has_ended(row, stop),
        ):
            assert token is not None
            row.append(token)
            text, has_ended = truncate_at_stop(self.tokenizer.decode(row), stop)
            final = len(text) if has_ended else _final_length(text, stop)
            if final > sent:
                yield text[sent:final]
                sent = final
            if has_ended:
                return
        yield from filter(None, [self.tokenizer.decode(row)[sent:]])


def truncate_at_stop(text: str, stop: Sequence[str]) -> tuple[str, bool]:
    """Return the text before the first stop string, and True if there is one."""
    positions = [i for end in stop if end and (i := text.find(end)) >= 0]
    return (text[: min(positions)], True) if positions else (text, False)


def _final_length(text: str, stop: Sequence[str]) -> int:
    """Return the length that no later token changes: before half a character or part of a stop."""
    length = len(text.rstrip(UNFINISHED))
    for end in stop:
        prefixes = (n for n in range(len(end) - 1, 0, -1) if text[:length].endswith(end[:n]))
        length -= next(prefixes, 0)
    return length
