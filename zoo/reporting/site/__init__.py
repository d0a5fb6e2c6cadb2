"""A static site of claims beside measurements.

verdicts, records, papers -> pages by jinja2, charts by vega.py -> FOLDER/index.html, ...

It needs no server, no outside request and no script; report.js adds search, sorting and copying.
"""

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from zoo._io import temporary_path
from zoo.claims.verdict import Verdict
from zoo.evaluation.ledger import Record
from zoo.reporting.site.image_comparison import Comparison
from zoo.reporting.site.pages import Site

MARK = "zoo-report.json"  # tells a folder of a report, which may be replaced, from any other


class ReportError(ValueError):
    """A folder that a report cannot be written to; the message says why."""


def build(
    out: Path,
    rows: Sequence[Verdict],
    records: Iterable[Record],
    comparisons: Mapping[str, Comparison] | None = None,
) -> Path:
    """Write the site of verdicts and records to a folder that is new, empty or an older report.

    The same arguments give the same bytes. Raises ReportError for a folder with other contents,
    LookupError without the chart renderer.
    """
    if out.exists() and not _is_replaceable(out):
        raise ReportError(f"{out} holds something else than a report; choose another folder")
    site = Site(rows, list(records), comparisons or {})
    part = temporary_path(out)
    try:
        for name, content in site.files():
            path = part / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        (part / MARK).write_text(json.dumps({"made by": "zoo report"}) + "\n", encoding="utf-8")
        _swap(part, out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return out


def _is_replaceable(out: Path) -> bool:
    return out.is_dir() and ((out / MARK).is_file() or not any(out.iterdir()))


def _swap(new: Path, out: Path) -> None:
    """Replace a folder whole: at no moment is half of either there."""
    old = temporary_path(out)
    if out.exists():
        out.replace(old)
    new.replace(out)
    shutil.rmtree(old, ignore_errors=True)
