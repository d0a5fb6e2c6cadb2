"""The front page: a line per paper, the heads of the ledgers, and what its search looks through.

The page holds sums alone. Every claim is a row of claims/<paper>.js, which a search loads: scripts,
unlike JSON, can be read from the file system.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from zoo.claims.verdict import Status, Tally
from zoo.evaluation.ledger import Record
from zoo.papers.records import Paper
from zoo.reporting.site.rows import VerdictRow

TALLIES = (Tally.ARCHITECTURE, Tally.REPRODUCTION, Tally.TRIAL)
ORDER = tuple(Status)  # of a bar's parts


@dataclass(frozen=True)
class PaperSummary:
    """A paper with the sums of its verdicts, which are never added up."""

    paper: Paper
    lines: Sequence[VerdictRow]

    @property
    def sums(self) -> list[Mapping[str, int]]:
        """{verdict: number} of each of TALLIES, in the order that a bar shows."""
        statuses = Counter((line.verdict.tally, line.verdict.status) for line in self.lines)
        return [{s: n for s in ORDER if (n := statuses[tally, s])} for tally in TALLIES]


def chain_heads(records: Iterable[Record]) -> list[str]:
    """Return the ids that no later record follows: the last of each ledger."""
    records = list(records)
    followed = {record["previous"] for record in records}
    return [record["id"] for record in records if record["id"] not in followed]


def search_script(lines: Iterable[VerdictRow]) -> str:
    """Return the script that hands a paper's claims to report.js, a row each."""
    rows = []
    for line in lines:
        v = line.verdict
        status = f"{line.sign} {line.status}"
        cells = [v.paper, v.model, v.metric, v.claimed, v.provider, line.measured, status]
        rows.append([line.id, line.model, line.command, *cells, line.date])
    return f"zooClaims({json.dumps(rows, ensure_ascii=False, separators=(',', ':'))});\n"
