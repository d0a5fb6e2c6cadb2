"""One record: its text, its name, its identity, and whether it is one at all.

Standard library only, but for the schema's validator.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

Record = Mapping[str, Any]
SCHEMA = Path(__file__).with_name("record.schema.json")
NAME = re.compile(r"(\d{6,})-\d{8}T\d{6}Z-[\w.+-]+\.json")


class LedgerError(ValueError):
    """A record, or a ledger, that cannot be trusted; the message says which and why."""


_CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)


def canonical(record: Record) -> bytes:
    """All fields of a record but its id, in the one way that they are hashed. Raises ValueError for
    what JSON has no word for: a NaN, an infinity, half a character."""
    content = {key: value for key, value in record.items() if key != "id"}
    return _CANONICAL.encode(content).encode("utf-8")


def identity(record: Record) -> str:
    """The sha256 of all fields of a record but its id."""
    return hashlib.sha256(canonical(record)).hexdigest()


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def validate(record: Record) -> None:
    """Raises LedgerError for a record that is not as the schema says."""
    from jsonschema.exceptions import best_match

    error = best_match(_validator().iter_errors(record))
    if error:
        where = "/".join(map(str, error.absolute_path)) or "the record"
        raise LedgerError(f"{where}: {error.message} ({SCHEMA.name})")


def read(path: Path) -> dict[str, Any]:
    """The record of a file. Raises LedgerError for one that is none, or is not what its id says."""
    try:
        record: dict[str, Any] = json.loads(path.read_bytes().decode())
        found, given, _ = identity(record), record["id"], record["previous"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise LedgerError(f"{path} is no record of a ledger") from None
    if given != found:
        raise LedgerError(f"{path} was edited: it is not what its id says")
    return record


def new(content: Mapping[str, Any], previous: str) -> dict[str, Any]:
    """A valid record with this content, after another. Raises LedgerError."""
    ours = ("schema", "previous", "id")
    kept = {key: value for key, value in content.items() if key not in ours}
    try:
        record: dict[str, Any] = json.loads(json.dumps(kept))  # as it will be read
        record |= {"schema": 1, "previous": previous}
        record["id"] = identity(record)
    except (ValueError, TypeError, RecursionError) as error:
        raise LedgerError(f"a record is of what JSON can say: {error}") from None
    validate(record)
    return record


def name(number: int, record: Record) -> str:
    """The name of a record's file: its place, when, and what it is of."""
    what = record.get("weights") or record.get("recipe") or record.get("what") or record["model"]
    on = f"-{record['benchmark']}" if "benchmark" in record else ""
    seed = f"-seed{record['seed']}" if "seed" in record else ""
    told = re.sub(r"[^\w.+-]+", "_", f"{what}{on}{seed}", flags=re.ASCII)[:80]
    return f"{number:06}-{re.sub('[:-]', '', record['date'])}-{told}.json"


def text(record: Record) -> str:
    """A record for people too: a line for each field, and for each of a long list's."""
    lines = json.dumps(record, indent=1, ensure_ascii=False)
    return re.sub(r"\n {3,}|\n {2}(?=[\]}])", " ", lines) + "\n"
