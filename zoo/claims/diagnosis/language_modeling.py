"""Causes of a differing loss: the text, the windows, how the model is run, the mean.

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
    evenly_spaced,
    over_seeds,
    sampling_error,
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
from zoo.models._builder import pretrained_cfg
from zoo.papers.protocols import SlidingWindowProtocol

BATCH = 8
DROPOUT = 0.1  # of GPT-2's training, and of transformers' GPT-2 in train mode
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
    """All that a loss is taken with."""

    context: int  # tokens of a window
    stride: int = 0  # tokens between windows; 0: side by side
    text: str = ""  # key of TEXTS; empty: as it is
    args: Args = ()  # of the network
    training: bool = False
    precision: str = "fp32"
    skipped: int = 0  # windows at the beginning
    by_window: bool = False  # the mean over windows, not over tokens
    wrong_unit: bool = False  # bits for nats, and nats for bits
    per: str = "bytes"  # or characters, of bits


COUNTED = ("skipped", "by_window", "wrong_unit", "per")  # fields that need no new pass


def causes(base: Setting, args: Sequence[str], has_text: bool) -> Iterator[Cause]:
    """Yield the known causes; some need the text, not tokens alone."""
    half = base.context // 2
    for context in (half, base.context // 4):
        yield Cause("windows", f"in windows of {context} tokens", _windows(context))
    phrase = f"in windows that overlap, {half} tokens apart"
    yield Cause("windows", phrase, {"stride": half})
    yield Cause("windows", "in windows side by side", {"stride": 0})
    yield Cause("windows", "without the first window", {"skipped": 1})
    phrase = "as the mean over windows instead of over tokens"
    yield Cause("mean", phrase, {"by_window": True})
    yield Cause("unit", "with bits and nats confused", {"wrong_unit": True})
    for precision in ("bf16", "autocast", "fp16"):
        phrase = "in bf16 by autocast" if precision == "autocast" else f"in {precision}"
        yield Cause("precision", phrase, {"precision": precision})
    if "dropout" in args:
        changes = {"args": (("dropout", DROPOUT),), "training": True}
        yield Cause("mode", f"in train mode, with dropout of {DROPOUT}", changes)
    for name in args:
        for value, phrase in ALTERNATIVES.get(name, {}).items():
            yield Cause("network", phrase, {"args": ((name, value),)})
    if has_text:
        yield from (Cause("text", phrase, {"text": key}) for key, phrase in TEXTS.items())
        yield Cause("unit", "by characters instead of bytes", {"per": "characters"})


def _windows(context: int) -> dict[str, int]:
    return {"context": context, "stride": 0}


def alter(texts: Texts, how: str) -> Texts:
    """Return the texts changed as TEXTS says."""
    ways: dict[str, Callable[[str], str]] = {
        "lower": str.lower,
        "one line": lambda text: " ".join(text.split("\n")),
        "stripped": lambda text: "\n".join(s.rstrip() for s in text.split("\n") if s.strip()),
    }
    return Texts(tuple(ways[how](text) for text in texts.documents)) if how in ways else texts


class LanguageModelTarget:
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
        user: UserSettings,
    ) -> None:
        protocol = user.protocol or SlidingWindowProtocol(context=vars(model)["context"])
        if user.limit == 1:
            raise ValueError("one window has no sampling error: --limit 2 or more")
        self.models, self.texts = ModelFactory(name, model, user.args), texts
        self.tokenizer: Tokenizer | None = None
        if isinstance(texts, Texts):
            self.tokenizer = get_tokenizer(pretrained_cfg(model)["tokenizer"])
        self.base = Setting(context=protocol.context, stride=protocol.stride)
        known = list(inspect.signature(type(model)).parameters)
        self.causes = list(causes(self.base, known, isinstance(texts, Texts)))
        ids = self._ids("")
        check_windows(model, ids, protocol)
        self.whole = len(SlidingWindows(len(ids), protocol))
        self.share = min(1.0, user.limit / self.whole) if user.limit else 1.0
        self.samples = round(self.share * self.whole)
        self.windows: dict[tuple[Setting, int], list[NllSum]] = {}

    def _ids(self, text: str) -> np.ndarray:
        """Return the token ids of the texts, changed as TEXTS says."""
        if self.tokenizer is None:
            assert isinstance(self.texts, TokenFile)
            return self.texts.tokens()
        assert isinstance(self.texts, Texts)
        texts, end = alter(self.texts, text), self.tokenizer.end
        if text == "joined":
            return np.concatenate([self.tokenizer.encode(document) for document in texts.documents])
        ids = texts.tokens(self.tokenizer)
        return np.concatenate([[end], ids]) if text == "begun" else ids

    def measure(self, setting: Setting, metric: str) -> Measured:
        """Return a loss in nats a token, its perplexity, or bits a byte; dropout by two seeds."""
        seeds = (0, 1) if setting.training else (0,)
        return over_seeds([self._measure(setting, metric, seed) for seed in seeds])

    def _measure(self, setting: Setting, metric: str, seed: int) -> Measured:
        run = replace(setting, **{key: getattr(self.base, key) for key in COUNTED})
        if (run, seed) not in self.windows:
            self.windows[run, seed] = self._score_windows(run, seed)
        parts = self.windows[run, seed][setting.skipped :]
        losses = [part.nats / part.tokens for part in parts]
        tokens = sum(part.tokens for part in parts)
        loss = sum(part.nats for part in parts) / tokens
        error = sampling_error(losses, round(len(losses) / self.share))
        if metric == "loss":
            loss = mean(losses) if setting.by_window else loss
            scale = 1 / math.log(2) if setting.wrong_unit else 1.0
            return Measured(loss * scale, error * scale)
        if metric == "perplexity":
            base = 2.0 if setting.wrong_unit else math.e
            value = mean(base**window for window in losses) if setting.by_window else base**loss
            return Measured(value, value * error * math.log(base))
        scale = (1 if setting.wrong_unit else 1 / math.log(2)) * self._density(setting)
        return Measured(loss * scale, error * scale)

    def _density(self, setting: Setting) -> float:
        """Return tokens per byte, or per character, of the whole text."""
        if not isinstance(self.texts, Texts):
            raise ValueError(
                "bits a byte need a text: the benchmark has tokens of an unknown number of bytes"
            )
        texts = alter(self.texts, setting.text)
        characters = sum(map(len, texts.documents))
        tokens = len(self._ids(setting.text)) - 1
        return tokens / (characters if setting.per == "characters" else texts.bytes)

    def _score_windows(self, setting: Setting, seed: int) -> list[NllSum]:
        """Return the negative log-likelihood of each window."""
        ids = self._ids(setting.text)
        windows = SlidingWindows(
            len(ids), SlidingWindowProtocol(context=setting.context, stride=setting.stride)
        )
        chosen = evenly_spaced(len(windows), round(self.share * len(windows)))
        sums: list[NllSum] = []
        with self.models.build(setting.args, setting.precision, setting.training, seed) as model:
            for batch in window_batches(windows, chosen, BATCH):
                places = [windows[i] for i in batch]
                rows = np.stack([np.asarray(ids[a : b + 1], np.int64) for a, b, _ in places])
                sums += score_windows(model, rows, places)
        return sums


TARGET = LanguageModelTarget
