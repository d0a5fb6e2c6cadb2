"""Verdicts as CSV, safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Sequence

from zoo.claims import check
from zoo.claims.verdict import Verdict
from zoo.papers.loading import load_papers

COLUMNS = (
    *("paper", "arxiv", "kind", "model", "metric", "benchmark", "where", "claimed", "provider"),
    *("measured", "interval_low", "interval_high", "tally", "evidence", "verdict", "why"),
    *("record", "date"),
)
HEADER = ",".join(COLUMNS) + "\n"
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\n")


def text(names: Sequence[str]) -> str:
    """Return the verdicts on names that follow from records."""
    return table(check.verdicts_from_records(*names))


def table(rows: Iterable[Verdict]) -> str:
    """Return a header and one row per verdict."""
    arxiv = {paper.id: paper.arxiv for paper in load_papers()}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_cells(row, arxiv[row.paper]) for row in rows)
    return out.getvalue()


def _cells(row: Verdict, arxiv: str) -> list[str]:
    benchmark = row.claim.benchmark if row.claim else ""
    low, high = map(repr, row.interval) if row.interval else ("", "")
    values = {
        "paper": row.paper,
        "arxiv": arxiv and f"arXiv:{arxiv}",  # not a number, whose last zero would go
        "metric": row.metric.removesuffix(f" on {benchmark}"),
        "benchmark": benchmark,
        "interval_low": low,
        "interval_high": high,
        "verdict": row.status,
    }
    return [safe(values.get(name, "") or getattr(row, name, "") or "") for name in COLUMNS]


def safe(cell: str) -> str:
    """Quote a cell that a spreadsheet would take for a formula; numbers stay as they are."""
    cell = cell.replace("\r\n", "\n").replace("\r", "\n")
    if not cell.lstrip(" ").startswith(FORMULA):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell
