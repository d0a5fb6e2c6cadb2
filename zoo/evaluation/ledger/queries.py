"""Which records of a ledger are about something, and which of them are the last.

records, patterns -> records, in their order
"""

import json
import re
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from fnmatch import translate

from zoo.evaluation.ledger.records import Record


def subject(record: Record) -> str:
    """What was measured: weights, a network without any, a recipe with its seed, or a comparison
    of speeds."""
    seed = f", seed {record['seed']}" if "seed" in record else ""
    keys = ("weights", "recipe", "what", "model")
    return next(str(record[key]) for key in keys if record.get(key)) + seed


def benchmarks(record: Record) -> list[str]:
    """What it was measured on."""
    return [record["benchmark"]] if "benchmark" in record else list(record.get("benchmarks", ()))


def names(record: Record) -> set[str]:
    """All that a record may be asked for by: its networks, weights and recipe."""
    found = {record.get(key) for key in ("model", "weights", "recipe", "what")}
    found |= {row.get("model") for row in record.get("rows", ())}
    return {name for name in found if isinstance(name, str)}


def find(
    records: Iterable[Record],
    *,
    about: Iterable[Collection[str]] = (),
    benchmark: str = "",
    kind: str = "",
    since: str = "",
    device: str = "",
) -> list[Record]:
    """Records of a kind, on a device and a benchmark (patterns), not before a date, with a name
    that fits some pattern of each collection in `about`. Raises ValueError for what is no date."""
    start = _date(since)
    asked = [_fitting(patterns) for patterns in about]
    there, on = _fitting([device]), _fitting([benchmark])
    return [
        record
        for record in records
        if kind in ("", record["kind"])
        and record["date"] >= start
        and (not device or there(record["device"]))
        and (not benchmark or any(map(on, benchmarks(record))))
        and all(any(map(fits, names(record))) for fits in asked)
    ]


def latest_per_subject(records: Iterable[Record]) -> list[Record]:
    """The last record of each subject on each benchmark, by each protocol, in each precision, on
    each device."""
    last: dict[object, Record] = {}
    for record in records:
        how = json.dumps(record.get("protocol"), sort_keys=True)
        where = (record.get("precision"), record["device"])
        key = (record["kind"], subject(record), *benchmarks(record), how, *where)
        last.pop(key, None)  # so that its place is that of the last
        last[key] = record
    return list(last.values())


def _fitting(patterns: Iterable[str]) -> Callable[[str], object]:
    """What tells whether a name fits a shell pattern of some."""
    return re.compile("|".join(map(translate, patterns)) or "(?!)").match


def _date(given: str) -> str:
    """A day or a time (UTC, if it does not say) as records have it."""
    if not given:
        return ""
    try:
        found = datetime.fromisoformat(given)
    except ValueError:
        raise ValueError(f"a date is like 2026-11-20, or 2026-11-20T12:00, not {given!r}") from None
    zone = found.tzinfo or UTC
    return found.replace(tzinfo=zone).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
