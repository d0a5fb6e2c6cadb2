"""Sums of verdicts: architecture, reproductions and small-scale trials, which are never added up.

verdicts -> Tallies -> lines, as `zoo check`, the README, cards and the report print them
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from zoo.claims.verdict import Evidence, Kind, Reason, Status, Tally, Verdict


@dataclass(frozen=True)
class Tallies:
    """Sums of verdicts."""

    numbers: int  # numbers and comparisons that papers print
    papers: int  # that print them
    architecture: Mapping[Status, int]  # of counts
    reproductions: Mapping[Evidence, Mapping[Status, int]]  # that were run, by what decided
    trials: Mapping[Status, int]  # of ours, without those that were not run
    not_run: Mapping[Reason, int]  # the most frequent first
    explained: Mapping[Tally, int]  # not reproduced, for a recorded reason
    bundled: Mapping[Status, int]  # scores of bundled weights against their training records

    def of_reproductions(self, status: Status) -> int:
        """Return the number of reproductions of a status, whatever decided them."""
        return sum(counts[status] for counts in self.reproductions.values())

    @property
    def run(self) -> int:
        """Number of reproductions that were run."""
        return sum(sum(counts.values()) for counts in self.reproductions.values())

    def lines(self) -> Iterator[str]:
        """Yield the sums, one line each."""
        yield f"{self.numbers:,} numbers of {_several(self.papers, 'paper')}"
        counted, known = self.architecture, self.explained[Tally.ARCHITECTURE]
        yield (
            f"{Tally.ARCHITECTURE}: {counted[Status.REPRODUCED]:,} of {sum(counted.values()):,} "
            f"counts reproduced{_explained(counted[Status.NOT_REPRODUCED], known)}"
        )
        missed = self.of_reproductions(Status.NOT_REPRODUCED)
        known = self.explained[Tally.REPRODUCTION]
        columns = ", ".join(
            f"{evidence} {counts[Status.REPRODUCED]} of {sum(counts.values())}"
            for evidence, counts in self.reproductions.items()
        )
        reproduced = self.of_reproductions(Status.REPRODUCED)
        yield (
            f"{Tally.REPRODUCTION}: {reproduced} of {self.run} that were run reproduced ({columns})"
            f"{_explained(missed, known)}"
        )
        supports = ", ".join(f"{number} {status}" for status, number in self.trials.items())
        yield f"{Tally.TRIAL}: {supports}"
        if self.not_run:
            reasons = ", ".join(f"{number:,} {reason}" for reason, number in self.not_run.items())
            yield f"{Status.NOT_RUN}: {sum(self.not_run.values()):,} ({reasons})"
        if self.bundled:
            sums = ", ".join(f"{number} {status}" for status, number in self.bundled.items())
            yield f"{Kind.BUNDLED}: {sums}"


def tally(verdicts: Iterable[Verdict]) -> Tallies:
    """Sum up verdicts."""
    rows = list(verdicts)
    claims = [row for row in rows if row.claim]
    run = [row for row in claims if row.status != Status.NOT_RUN]
    of = {kind: [row for row in run if row.tally == kind] for kind in Tally}
    numbers = [row for row in claims if row.tally != Tally.TRIAL]
    outcomes = (Status.SUPPORTS, Status.CONTRADICTS, Status.INCONCLUSIVE)
    reasons = Counter(row.reason for row in claims if row.status == Status.NOT_RUN and row.reason)
    return Tallies(
        numbers=len(numbers),
        papers=len({row.paper for row in numbers}),
        architecture=Counter(row.status for row in of[Tally.ARCHITECTURE]),
        reproductions={
            evidence: Counter(
                row.status for row in of[Tally.REPRODUCTION] if row.evidence == evidence
            )
            for evidence in Evidence
        },
        trials={s: sum(row.status == s for row in of[Tally.TRIAL]) for s in outcomes},
        not_run=dict(reasons.most_common()),
        explained=Counter(
            row.tally for row in run if row.status == Status.NOT_REPRODUCED and row.explained_by
        ),
        bundled=Counter(row.status for row in rows if row.kind == Kind.BUNDLED),
    )


def _explained(missed: int, known: int) -> str:
    return f"; {missed} not reproduced, {known} of them explained" if missed else ""


def _several(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
