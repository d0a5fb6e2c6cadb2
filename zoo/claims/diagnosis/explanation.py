"""What came out of a search for causes: rows, and a sentence for people."""

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
LAST_DIGIT = 0.6  # of it: half by rounding, a tenth for another machine's arithmetic
MOST = 5  # causes that a sentence names
FINE = ("ssim", "loss", "bits_per_byte")  # four decimals, not two


def rounding(number: Decimal) -> float:
    """By how much what was printed as a number may differ from it."""
    return LAST_DIGIT * 10.0 ** int(number.as_tuple().exponent)


@dataclass(frozen=True, kw_only=True)
class CauseResult:
    """A cause, the score with it, how far that is from ours, and by how much it may be off on other
    machines, or by chance if not all samples were seen. It `explains` a number that may be it."""

    cause: str
    group: str
    score: float
    difference: float
    slack: float
    explains: bool


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What the weights score as they should, with each cause, and which causes give the `number`.

    `source` says whose number it is, "" if it was given. `tried` begins with what comes nearest to
    the number, or moves the score most if there is none; `without_effect` are causes that leave it
    as it is, `not_tried` those that cannot be, and why. `right` is what should have been instead
    of the first that explains it.
    """

    name: str
    benchmark: str
    metric: str
    score: float
    number: Decimal | None
    source: str
    fits: bool
    samples: int
    whole: int
    unit: str
    broken: tuple[str, ...]
    tried: tuple[CauseResult, ...]
    without_effect: tuple[str, ...]
    not_tried: tuple[str, ...]
    right: str

    @property
    def causes(self) -> tuple[CauseResult, ...]:
        """Those that give the number: any of them may be why, not all need be. If the weights give
        it as they should but for chance, these are the causes that come nearer still."""
        limit = math.inf
        if self.fits:
            limit = 0.0 if self._rounded else self._distance(self.score)
        return tuple(t for t in self.tried if t.explains and self._distance(t.score) < limit)

    @property
    def _rounded(self) -> bool:
        """Whether the number is ours as it was printed."""
        return self.number is not None and self._distance(self.score) <= rounding(self.number)

    def _distance(self, score: float) -> float:
        return abs(score - float(self.number or 0))

    @property
    def explained(self) -> bool:
        """Whether a number that was given is what the weights score, rightly or by a cause."""
        return self.number is None or bool(self.source or self.fits or self.causes)

    def shown(self, value: float | Decimal, sign: str = "") -> str:
        """A value with its unit; a Decimal as it was printed."""
        form = sign if isinstance(value, Decimal) else f"{sign}.{4 if self.metric in FINE else 2}f"
        return UNITS.get(self.metric, "{} %").format(f"{value:{form}}")

    @property
    def sentence(self) -> str:
        """What came out, for people."""
        some = f" So say {self.samples:,} of {self.whole:,} {self.unit}, 95 times in 100."
        return self._sentence() + some * (self.samples < self.whole)

    def _sentence(self) -> str:
        ours = self.shown(self.score)
        if self.number is None:
            return f"These weights score {ours}; no number is known to compare that with."
        number = self.shown(self.number) + (f", {self.source}," if self.source else "")
        told = self._named(self.causes)
        if self.fits:
            nearer = f"; nearer still is what they score {told}" if told else ""
            chance = "" if self._rounded else ", but for chance or another machine"
            should = f"as they should{chance} ({ours})"
            return f"{number} is what these weights score {should}{nearer}."
        if not told:
            near = self._named(self.tried[:1])
            nearest = f"; the nearest is what they score {near}" if near else ""
            return f"These weights score {ours}; no known cause explains {number}{nearest}."
        count = len(self.causes)
        others = f"; any of these {count} may be why" if count > 1 else ""
        should = f"{self.right}, and give" if self.right else "as they should, they give"
        return f"{number} is what these weights score {told}{others}; {should} {ours}."

    def _named(self, those: tuple[CauseResult, ...]) -> str:
        """Causes with their scores, of many the first."""
        told = [f"{tried.cause} ({self.shown(tried.score)})" for tried in those[:MOST]]
        more = [f"by {len(those) - MOST} more"] if len(those) > MOST else []
        return ", or ".join(told + more)
