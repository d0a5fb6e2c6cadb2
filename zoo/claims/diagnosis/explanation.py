"""Outcome of a search for causes: rows, and a sentence for people."""

import math
from dataclasses import dataclass
from decimal import Decimal

UNITS = {
    "psnr": "{} dB",
    "ssim": "{}",
    "loss": "{} nats a token",
    "perplexity": "{}",
    "bits_per_byte": "{} bits a byte",
}
LAST_DIGIT = 0.6  # half a digit by rounding, a tenth for another machine's arithmetic
MAX_NAMED = 5  # causes in a sentence
FINE = ("ssim", "loss", "bits_per_byte")  # four decimals, not two


def rounding(number: Decimal) -> float:
    """Return how far a score may be from a number that was printed with these digits."""
    return LAST_DIGIT * 10.0 ** int(number.as_tuple().exponent)


@dataclass(frozen=True, kw_only=True)
class CauseResult:
    """A cause that changes the score."""

    cause: str  # continues "what these weights score ..."
    group: str
    score: float
    difference: float  # from the correct score
    slack: float  # on other machines, or by chance if not all samples were evaluated
    explains: bool  # the score may be the reported number


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """The correct score of weights, the score with each cause, and which explain a number."""

    name: str
    benchmark: str
    metric: str
    score: float  # without any mistake
    reported: Decimal | None  # the number to explain
    source: str  # whose number it is; empty if the caller gave it
    fits: bool  # the correct score is the number
    samples: int  # evaluated
    whole: int  # in the benchmark
    unit: str  # of samples
    broken: tuple[str, ...]  # samples that cannot be read
    tried: tuple[CauseResult, ...]  # nearest to the number first; without one, largest effect first
    without_effect: tuple[str, ...]  # causes that leave the score as it is
    not_tried: tuple[str, ...]  # causes that cannot be tried, and why
    right: str  # what is correct instead of the first cause that explains the number

    @property
    def causes(self) -> tuple[CauseResult, ...]:
        """The causes that explain the number, each by itself. If the correct score fits it but for
        chance, only causes that come nearer."""
        limit = math.inf
        if self.fits:
            limit = 0.0 if self._rounded else self._distance(self.score)
        return tuple(t for t in self.tried if t.explains and self._distance(t.score) < limit)

    @property
    def _rounded(self) -> bool:
        """True if the number is the correct score, rounded."""
        return self.reported is not None and self._distance(self.score) <= rounding(self.reported)

    def _distance(self, score: float) -> float:
        return abs(score - float(self.reported or 0))

    @property
    def explained(self) -> bool:
        """True unless the caller gave a number that neither the correct score nor a cause gives."""
        return self.reported is None or bool(self.source or self.fits or self.causes)

    def format(self, value: float | Decimal, sign: str = "") -> str:
        """Format a value with its unit; a Decimal as it was printed."""
        form = sign if isinstance(value, Decimal) else f"{sign}.{4 if self.metric in FINE else 2}f"
        return UNITS.get(self.metric, "{} %").format(f"{value:{form}}")

    @property
    def sentence(self) -> str:
        """The outcome in one or two sentences."""
        some = f" So say {self.samples:,} of {self.whole:,} {self.unit}, 95 times in 100."
        return self._sentence() + some * (self.samples < self.whole)

    def _sentence(self) -> str:
        ours = self.format(self.score)
        if self.reported is None:
            return f"These weights score {ours}; no number is known to compare that with."
        number = self.format(self.reported) + (f", {self.source}," if self.source else "")
        causes = self._list(self.causes)
        if self.fits:
            nearer = f"; nearer still is what they score {causes}" if causes else ""
            chance = "" if self._rounded else ", but for chance or another machine"
            should = f"as they should{chance} ({ours})"
            return f"{number} is what these weights score {should}{nearer}."
        if not causes:
            near = self._list(self.tried[:1])
            nearest = f"; the nearest is what they score {near}" if near else ""
            return f"These weights score {ours}; no known cause explains {number}{nearest}."
        count = len(self.causes)
        others = f"; any of these {count} may be why" if count > 1 else ""
        should = f"{self.right}, and give" if self.right else "as they should, they give"
        return f"{number} is what these weights score {causes}{others}; {should} {ours}."

    def _list(self, results: tuple[CauseResult, ...]) -> str:
        """List causes with their scores, only the first of many."""
        named = [f"{result.cause} ({self.format(result.score)})" for result in results[:MAX_NAMED]]
        more = len(results) - MAX_NAMED
        return ", or ".join(named + ([f"by {more} more"] if more > 0 else []))
