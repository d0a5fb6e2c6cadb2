"""What may be wrong when a text is read: the text, the windows, how the model is run, the mean.

texts -> tokens -> windows -> model -> nats of each window -> loss, perplexity, bits a byte
"""

import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean
from typing import Any

import numpy as np
from torch import nn

from zoo.claims.diagnosis.causes import (
    Args,
    Cause,
    Measured,
    ModelFactory,
    UserSettings,
    chance,
    evenly_spaced,
    over_seeds,
)
from zoo.data.benchmarks import Benchmark
from zoo.data.texts import Texts, TokenFile
from zoo.data.tokenizers import Tokenizer, get_tokenizer
from zoo.evaluation.evaluators.language_modeling import (
    NllSum,
    SlidingWindows,
    check_windows,
    score_windows,
    window_batches,
)
from zoo.papers.protocols import SlidingWindowProtocol

BATCH = 8
DROPOUT = 0.1  # of GPT-2's training, and what transformers' GPT-2 has in train mode
ALTERNATIVES: dict[str, dict[Any, str]] = {
    "gelu": {"tanh": "with the tanh form of GELU", "none": "with the exact form of GELU"},
    "literal": {
        True: "with the loop's own residual connection",
        False: "without the loop's own residual connection",
    },
}
TEXTS = {
    "lower": "on the text in lower case",
    "one line": "on the text with its line breaks as spaces",
    "stripped": "on the text without empty lines and spaces at the ends of lines",
    "joined": "without a token between the texts",
    "begun": "with a token before the text, so that its first token is scored too",
}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """All that a loss is taken with. `first` is how many windows are left out at the beginning;
    `unit` takes bits for nats, and nats for bits; `per` is what bits are counted for."""

    context: int
    stride: int = 0
    text: str = ""
    args: Args = ()
    training: bool = False
    precision: str = "fp32"
    first: int = 0
    by_window: bool = False
    wrong_unit: bool = False
    per: str = "bytes"


COUNTED = ("first", "by_window", "wrong_unit", "per")  # of the same windows


def causes(base: Setting, args: Sequence[str], words: bool) -> Iterator[Cause]:
    """All that are known; `words` are at hand, not tokens alone."""
    half = base.context // 2
    for context in (half, base.context // 4):
        yield Cause("windows", f"in windows of {context} tokens", _windows(context))
    phrase = f"in windows that overlap, {half} tokens apart"
    yield Cause("windows", phrase, {"stride": half})
    yield Cause("windows", "in windows side by side", {"stride": 0})
    yield Cause("windows", "without the first window", {"first": 1})
    phrase = "as the mean over windows instead of over tokens"
    yield Cause("mean", phrase, {"by_window": True})
    yield Cause("unit", "with bits and nats confused", {"wrong_unit": True})
    for precision in ("bf16", "autocast", "fp16"):
        shown = "in bf16 by autocast" if precision == "autocast" else f"in {precision}"
        yield Cause("precision", shown, {"precision": precision})
    if "dropout" in args:
        changes = {"args": (("dropout", DROPOUT),), "training": True}
        yield Cause("mode", f"in train mode, with dropout of {DROPOUT}", changes)
    for name in args:
        for value, phrase in ALTERNATIVES.get(name, {}).items():
            yield Cause("network", phrase, {"args": ((name, value),)})
    if words:
        yield from (Cause("text", phrase, {"text": key}) for key, phrase in TEXTS.items())
        yield Cause("unit", "by characters instead of bytes", {"per": "characters"})


def _windows(context: int) -> dict[str, int]:
    return {"context": context, "stride": 0}


def altered(texts: Texts, how: str) -> Texts:
    """The texts as they are read in another way."""
    ways: dict[str, Callable[[str], str]] = {
        "lower": str.lower,
        "one line": lambda text: " ".join(text.split("\n")),
        "stripped": lambda text: "\n".join(s.rstrip() for s in text.split("\n") if s.strip()),
    }
    return Texts(tuple(ways[how](text) for text in texts.documents)) if how in ways else texts


class Reader:
    """A language model on texts."""

    metrics = ("loss", "perplexity", "bits_per_byte")
    unit = "windows"
    right: Mapping[str, str] = {}
    broken: tuple[str, ...] = ()

    def __init__(
        self,
        name: str,
        model: nn.Module,
        benchmark: Benchmark,
        texts: Texts | TokenFile,
        given: UserSettings,
    ) -> None:
        how = given.protocol or SlidingWindowProtocol(context=vars(model)["context"])
        if given.limit == 1:
            raise ValueError("one window tells nothing of the others: --limit 2 or more")
        self.made, self.texts = ModelFactory(name, model, given.args), texts
        self.tokenizer: Tokenizer | None = None
        if isinstance(texts, Texts):
            self.tokenizer = get_tokenizer(vars(model)["pretrained_cfg"]["tokenizer"])
        self.base = Setting(context=how.context, stride=how.stride)
        known = list(inspect.signature(type(model)).parameters)
        self.causes = list(causes(self.base, known, isinstance(texts, Texts)))
        ids = self._ids("")
        check_windows(model, ids, how)
        self.whole = len(SlidingWindows(len(ids), how))
        self.share = min(1.0, given.limit / self.whole) if given.limit else 1.0
        self.samples = round(self.share * self.whole)
        self.read: dict[tuple[Setting, int], list[NllSum]] = {}

    def _ids(self, text: str) -> np.ndarray:
        """The tokens of the texts by a setting."""
        if self.tokenizer is None:
            assert isinstance(self.texts, TokenFile)
            return self.texts.tokens()
        assert isinstance(self.texts, Texts)
        texts, end = altered(self.texts, text), self.tokenizer.end
        if text == "joined":
            return np.concatenate([self.tokenizer.encode(one) for one in texts.documents])
        ids = texts.tokens(self.tokenizer)
        return np.concatenate([[end], ids]) if text == "begun" else ids

    def measure(self, setting: Setting, metric: str) -> Measured:
        """A loss in nats a token, its perplexity, or bits a byte. With dropout over two seeds."""
        seeds = (0, 1) if setting.training else (0,)
        return over_seeds([self._measure(setting, metric, seed) for seed in seeds])

    def _measure(self, setting: Setting, metric: str, seed: int) -> Measured:
        run = replace(setting, **{key: getattr(self.base, key) for key in COUNTED})
        if (run, seed) not in self.read:
            self.read[run, seed] = self._windows(run, seed)
        parts = self.read[run, seed][setting.first :]
        losses = [part.nats / part.tokens for part in parts]
        tokens = sum(part.tokens for part in parts)
        loss = sum(part.nats for part in parts) / tokens
        off = chance(losses, round(len(losses) / self.share))
        if metric == "loss":
            loss = mean(losses) if setting.by_window else loss
            scale = 1 / math.log(2) if setting.wrong_unit else 1.0
            return Measured(loss * scale, off * scale)
        if metric == "perplexity":
            base = 2.0 if setting.wrong_unit else math.e
            value = mean(base**one for one in losses) if setting.by_window else base**loss
            return Measured(value, value * off * math.log(base))
        scale = (1 if setting.wrong_unit else 1 / math.log(2)) * self._density(setting)
        return Measured(loss * scale, off * scale)

    def _density(self, setting: Setting) -> float:
        """Tokens to a byte, or to a character, of the whole text."""
        if not isinstance(self.texts, Texts):
            raise ValueError(
                "bits a byte need texts: these are tokens, of how many bytes is unknown"
            )
        texts = altered(self.texts, setting.text)
        characters = sum(map(len, texts.documents))
        tokens = len(self._ids(setting.text)) - 1
        return tokens / (characters if setting.per == "characters" else texts.bytes)

    def _windows(self, setting: Setting, seed: int) -> list[NllSum]:
        """What each window has."""
        ids = self._ids(setting.text)
        windows = SlidingWindows(
            len(ids), SlidingWindowProtocol(context=setting.context, stride=setting.stride)
        )
        chosen = evenly_spaced(len(windows), round(self.share * len(windows)))
        found: list[NllSum] = []
        with self.made.by(setting.args, setting.precision, setting.training, seed) as model:
            for batch in window_batches(windows, chosen, BATCH):
                places = [windows[i] for i in batch]
                rows = np.stack([np.asarray(ids[a : b + 1], np.int64) for a, b, _ in places])
                found += score_windows(model, rows, places)
        return found
