"""A static site of claims beside measurements, that people read: data in, files out.

verdicts, records, papers -> pages by jinja2, charts by drawing.py -> FOLDER/index.html, ...

No server, no outside request, no script needed: what report.js adds is search, order and copying.
"""

import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from zoo.claims.verdict import Verdict
from zoo.evaluation.ledger import Record
from zoo.reporting.site.image_comparison import Comparison
from zoo.reporting.site.pages import Site

MARK = "zoo-report.json"  # in the folder of every report, so that one may be replaced by another


class ReportError(ValueError):
    """A folder that a report cannot be written to; the message says why."""


def build(
    out: Path,
    rows: Sequence[Verdict],
    records: Iterable[Record],
    comparisons: Mapping[str, Comparison] | None = None,
) -> Path:
    """Writes the site of verdicts, and of what records hold, to a folder that is not there, is
    empty, or holds an older report; with photographs by their weights. The same in, the same bytes.

    Raises ReportError for a folder with anything else in it, LookupError without the renderer.
    """
    if out.exists() and not _ours(out):
        raise ReportError(f"{out} holds something else than a report; choose another folder")
    site = Site(rows, list(records), comparisons or {})
    part = out.with_name(f"{out.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
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


def _ours(out: Path) -> bool:
    """Whether a folder may be replaced."""
    return out.is_dir() and ((out / MARK).is_file() or not any(out.iterdir()))


def _swap(new: Path, out: Path) -> None:
    """Puts a folder where an older one may be: at no moment is there half of either."""
    old = out.with_name(f"{out.name}.{os.getpid()}.old")
    if out.exists():
        out.replace(old)
    new.replace(out)
    shutil.rmtree(old, ignore_errors=True)
