"""Verdicts as lines of the site's tables: each with an address, and a command that gives it again.

Verdict -> Line(id, status with its sign, what came out, `zoo check ...`)
"""

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from urllib.parse import quote

from zoo.claims.verdict import UNITS, Verdict
from zoo.data.benchmarks import BENCHMARKS

SYMBOLS = {  # seen by those who see no colours
    "kept": "✓",
    "missed": "✗",
    "better than reported": "▲",
    "undecided": "≈",
    "not run": "–",
    "protocol unknown": "?",
    "measured": "•",
}
KINDS = {  # of claims; what the zoo says of weights that come with it is none
    "counted": "counted",
    "measured": "measured",
    "relative": "compared",
}
# What needs no folder of data: it comes with the zoo, or with scikit-image.
AT_HAND = ("digits/", "peps_mini/", "photos/")


def slug(name: str) -> str:
    """A name as a file of the site: letters, digits, `_`, `.`, `+`, `-`."""
    return re.sub(r"[^\w.+-]", "_", name, flags=re.ASCII)


def needs_data(benchmark: str) -> bool:
    """Whether a benchmark is measured on a folder of data that a person has to bring."""
    return bool(benchmark) and not benchmark.startswith(AT_HAND)


@dataclass(frozen=True)
class VerdictRow:
    """One line of a table: a verdict, as it is shown."""

    verdict: Verdict

    @cached_property
    def id(self) -> str:
        """The same for the same claim, wherever it stands in its file and on whatever page."""
        v = self.verdict
        what = v.claim.identity if v.claim else (v.kind, v.model, v.metric, v.where)
        return "c" + sha256(repr((v.paper, *what)).encode()).hexdigest()[:8]

    @property
    def name(self) -> str:
        """The registered name of the model, or of the weights, that it is about."""
        return self.verdict.claim.model if self.verdict.claim else self.verdict.model

    @property
    def model(self) -> str:
        """The architecture's name."""
        return self.name.partition(".")[0]

    @property
    def benchmark(self) -> str:
        """What it is measured on; "" if it is not."""
        claim = self.verdict.claim
        return claim.benchmark if claim else self.verdict.where.partition(",")[0]

    @property
    def css(self) -> str:
        """The class of its verdict."""
        return self.verdict.status.split()[-1 if self.verdict.status == "protocol unknown" else 0]

    @property
    def sign(self) -> str:
        return SYMBOLS.get(self.verdict.status, "")

    @property
    def status(self) -> str:
        """The verdict in words."""
        return self.verdict.status + (", explained" if self.verdict.explained_by else "")

    @property
    def measured(self) -> str:
        """What came out here, with its 95 % interval."""
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
        """What gives the number again or, for a claim that was not run, says what is missing."""
        words = ["zoo", "check", shlex.quote(self.name)]
        words += ["--data", "DIR"] if needs_data(self.benchmark) else []
        return " ".join([*words, *(["--all"] if self.verdict.status == "not run" else [])])

    @property
    def plain(self) -> bool:
        """Whether it is on a network as it is registered, without other arguments."""
        claim = self.verdict.claim
        return claim is not None and not (claim.args or claim.variant)

    @property
    def claimed_number(self) -> float | None:
        """The printed value, in whole units; of a comparison there is none."""
        claim = self.verdict.claim
        if claim is None or claim.value is None or claim.kind == "relative":
            return None
        return float(claim.value) * UNITS[claim.unit]

    @property
    def measured_number(self) -> float | None:
        """What came out, as a number; of a comparison there is none."""
        return None if self.verdict.kind == "relative" else number(self.verdict.measured)

    @property
    def paper_page(self) -> str:
        """Its address on the page of its paper, from the site's root."""
        return f"papers/{quote(slug(self.verdict.paper))}.html#{self.id}"


def number(text: str) -> float | None:
    """The number that a text begins with: "8.56 % (...)" -> 8.56."""
    found = re.match(r"-?[\d,]*\.?\d+", text)
    return float(found[0].replace(",", "")) if found else None


def is_claim(line: VerdictRow) -> bool:
    return line.verdict.kind in KINDS


def tally(lines: Iterable[VerdictRow]) -> dict[str, int]:
    """{status: how many}, in the order of SIGNS, without those that there are none of."""
    counts = Counter(line.verdict.status for line in lines)
    return {status: counts[status] for status in [*SYMBOLS, *counts] if counts[status]}


def explained(lines: Sequence[VerdictRow]) -> int:
    """How many misses something recorded explains."""
    return sum(bool(line.verdict.explained_by) for line in lines)


def known(benchmark: str) -> bool:
    """Whether the zoo has a benchmark."""
    return benchmark in BENCHMARKS
