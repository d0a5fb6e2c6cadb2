"""Verdicts as rows of the site's tables, each with an anchor and the command that repeats it.

Verdict -> VerdictRow(id, status with its symbol, measurement, `zoo check ...`)
"""

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from urllib.parse import quote

from zoo.claims.verdict import UNITS, Status, Verdict
from zoo.data.benchmarks import BENCHMARKS
from zoo.papers.records import LOWER_IS_BETTER

SYMBOLS = {  # so that colour alone marks no verdict
    Status.REPRODUCED: "✓",
    Status.NOT_REPRODUCED: "✗",
    Status.EXCEEDS_REPORTED: "▲",
    Status.SUPPORTS: "✓",
    Status.CONTRADICTS: "✗",
    Status.INCONCLUSIVE: "≈",
    Status.NOT_RUN: "–",
    Status.MEASURED: "•",
}
KINDS = {  # of claims; rows on bundled weights are none
    "counted": "counted",
    "measured": "measured",
    "relative": "compared",
    "trial": "tried",
}


def slug(name: str) -> str:
    """Return a name as a file name of the site: letters, digits, `_`, `.`, `+`, `-`."""
    return re.sub(r"[^\w.+-]", "_", name, flags=re.ASCII)


def needs_data(benchmark: str) -> bool:
    """True if a benchmark needs a folder of data that the user brings."""
    return bool(benchmark) and not (known(benchmark) and BENCHMARKS[benchmark].bundled)


@dataclass(frozen=True)
class VerdictRow:
    """A verdict as a row of a table."""

    verdict: Verdict

    @cached_property
    def id(self) -> str:
        """An anchor that is the same for a claim on every page."""
        v = self.verdict
        key = v.claim.key if v.claim else (str(v.kind), v.model, v.metric, v.where)
        return "c" + sha256(repr((v.paper, *key)).encode()).hexdigest()[:8]

    @property
    def name(self) -> str:
        """The registered name of the model or weights."""
        return self.verdict.claim.model if self.verdict.claim else self.verdict.model

    @property
    def model(self) -> str:
        """The architecture's name."""
        return self.name.partition(".")[0]

    @property
    def benchmark(self) -> str:
        """The benchmark, or empty."""
        claim = self.verdict.claim
        return claim.benchmark if claim else self.verdict.where.partition(",")[0]

    @property
    def css(self) -> str:
        """The CSS class of the verdict."""
        return self.verdict.status.replace(" ", "-")

    @property
    def sign(self) -> str:
        return SYMBOLS.get(self.verdict.status, "")

    @property
    def status(self) -> str:
        """The verdict and whether a miss is explained."""
        return self.verdict.status + (", explained" if self.verdict.explained_by else "")

    @property
    def measured(self) -> str:
        """Our measurement with its 95 % interval."""
        v = self.verdict
        if not v.interval or "[" in v.measured:
            return v.measured
        return f"{v.measured} [{v.interval[0]:.2f}, {v.interval[1]:.2f}]"

    @property
    def date(self) -> str:
        """The day of the measurement."""
        return self.verdict.date[:10]

    @property
    def command(self) -> str:
        """The command that repeats the number, or says what is missing for it."""
        words = ["zoo", "check", shlex.quote(self.name)]
        words += ["--data", "DIR"] if needs_data(self.benchmark) else []
        return " ".join([*words, *(["--all"] if self.verdict.status == Status.NOT_RUN else [])])

    @property
    def plain(self) -> bool:
        """True for a claim on a registered network without other arguments."""
        claim = self.verdict.claim
        return claim is not None and not (claim.args or claim.variant)

    @property
    def claimed_number(self) -> float | None:
        """The printed value in whole units; None for a comparison."""
        claim = self.verdict.claim
        if claim is None or claim.value is None or claim.compares:
            return None
        return float(claim.value) * UNITS[claim.unit]

    @property
    def measured_number(self) -> float | None:
        """Our measurement as a number; None for a comparison."""
        claim = self.verdict.claim
        return None if claim and claim.compares else number(self.verdict.measured)

    @property
    def deviation(self) -> float | None:
        """The difference of our number from the printed one, in percent of that."""
        claimed, measured = self.claimed_number, self.measured_number
        return 100 * (measured / claimed - 1) if claimed and measured is not None else None

    @property
    def difference(self) -> str:
        """The deviation as it is shown: "+0.3 %", "0" where the printed digits come out."""
        if self.deviation is None:
            return ""
        return f"{self.deviation:+.2g} %" if self.deviation else "0"

    @property
    def paper_page(self) -> str:
        """Its address on the paper's page, from the site's root."""
        return f"papers/{quote(slug(self.verdict.paper))}.html#{self.id}"


def falls(metric: str) -> bool:
    """True if a lower value of a metric is better."""
    return "error" in metric or metric in LOWER_IS_BETTER


def number(text: str) -> float | None:
    """Return the number that a text begins with: "8.56 % (...)" -> 8.56."""
    digits = re.match(r"-?[\d,]*\.?\d+", text)
    return float(digits[0].replace(",", "")) if digits else None


def is_claim(line: VerdictRow) -> bool:
    return line.verdict.kind in KINDS


def best_first(lines: Iterable[VerdictRow]) -> list[VerdictRow]:
    """Sort measured claims by metric, the best printed number first."""

    def rank(line: VerdictRow) -> tuple[str, float]:
        assert line.verdict.claim
        metric, value = line.verdict.claim.metric, line.claimed_number or 0.0
        return metric, value if falls(metric) else -value

    return sorted(lines, key=rank)


def by_place(lines: Iterable[VerdictRow]) -> dict[str, list[VerdictRow]]:
    """Group rows by where the paper prints them: tables by number, then figures and sections."""
    places: dict[str, list[VerdictRow]] = {}
    for line in lines:
        places.setdefault(line.verdict.where, []).append(line)
    return {place: places[place] for place in sorted(places, key=_place_order)}


def _place_order(place: str) -> tuple[int, tuple[int, ...]]:
    words = ("Table", "Fig", "Sec", "App")
    rank = next((i for i, word in enumerate(words) if place.startswith(word)), len(words))
    return rank, tuple(int(digits) for digits in re.findall(r"\d+", place))


def known(benchmark: str) -> bool:
    """True if the zoo has a benchmark."""
    return benchmark in BENCHMARKS
