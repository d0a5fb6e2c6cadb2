"""Queries: the records of a ledger that match patterns, in order."""

import json
import re
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from fnmatch import translate

from zoo.evaluation.ledger.records import Record, backend_of


def subject(record: Record) -> str:
    """Return the weights, recipe with seed, comparison of speeds or network of a record."""
    seed = f", seed {record['seed']}" if "seed" in record else ""
    keys = ("weights", "recipe", "what", "model")
    return next(str(record[key]) for key in keys if record.get(key)) + seed


def benchmarks(record: Record) -> list[str]:
    """Return the benchmarks of a record."""
    return [record["benchmark"]] if "benchmark" in record else list(record.get("benchmarks", ()))


def names(record: Record) -> set[str]:
    """Return the names that find a record: its networks, weights and recipe."""
    values = {record.get(key) for key in ("model", "weights", "recipe", "what")}
    values |= {row.get("model") for row in record.get("rows", ())}
    return {name for name in values if isinstance(name, str)}


def find(
    records: Iterable[Record],
    *,
    about: Iterable[Collection[str]] = (),
    benchmark: str = "",
    kind: str = "",
    since: str = "",
    device: str = "",
) -> list[Record]:
    """Return the records that match all conditions.

    Args:
        records: in the order of the result.
        about: collections of shell patterns; of each, one matches a name of the record.
        benchmark: shell pattern.
        kind: "evaluation", "training" or "speed".
        since: first day or time, in UTC unless it has a zone.
        device: shell pattern.

    Raises:
        ValueError: `since` is no date.
    """
    start = _parse_date(since)
    name_matchers = [_matcher(patterns) for patterns in about]
    matches_device, matches_benchmark = _matcher([device]), _matcher([benchmark])
    return [
        record
        for record in records
        if kind in ("", record["kind"])
        and record["date"] >= start
        and (not device or matches_device(record["device"]))
        and (not benchmark or any(map(matches_benchmark, benchmarks(record))))
        and all(any(map(matches, names(record))) for matches in name_matchers)
    ]


def latest_per_subject(records: Iterable[Record]) -> list[Record]:
    """Return the last record of each subject, benchmark, protocol, machine and way to run."""
    last: dict[object, Record] = {}
    for record in records:
        protocol = json.dumps(record.get("protocol"), sort_keys=True)
        machine = (record.get("precision"), backend_of(record), record["device"])
        key = (record["kind"], subject(record), *benchmarks(record), protocol, *machine)
        last.pop(key, None)  # moves the key to the end
        last[key] = record
    return list(last.values())


def _matcher(patterns: Iterable[str]) -> Callable[[str], object]:
    """Return a function that is truthy for names that match one of the shell patterns."""
    return re.compile("|".join(map(translate, patterns)) or "(?!)").match


def _parse_date(text: str) -> str:
    """Return a day or a time as records have it, in UTC."""
    if not text:
        return ""
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"a date is like 2026-11-20, or 2026-11-20T12:00, not {text!r}") from None
    zone = date.tzinfo or UTC
    return date.replace(tzinfo=zone).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
