"""What was measured, once and for all: records that are added and never changed.

content -> validated, chained to the record before it -> FOLDER/000012-<date>-<what>.json

Two ledgers are read: the published one, which comes with the zoo (eval/results in a checkout), and
one's own ($ZOO_LEDGER, or zoo/ledger in HF_HOME), to which `zoo check` adds. Standard library only,
but for the schema's validator and the lock of an addition.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

Record = Mapping[str, Any]
SCHEMA = Path(__file__).with_name("record.schema.json")
ADDED = ("schema", "previous", "id")  # by the ledger itself
ROOT = Path(__file__).parent.parent.parent
NAME = re.compile(r"(\d{6})-(\d{8}T\d{6}Z)-[\w.+-]+\.json")


class LedgerError(ValueError):
    """A record, or a ledger, that cannot be trusted; the message says which and why."""


def identity(record: Record) -> str:
    """The sha256 of all fields of a record but its id."""
    content = {key: value for key, value in record.items() if key != "id"}
    text = json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


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


@dataclass(frozen=True)
class Ledger:
    """The records of a folder, in their order."""

    folder: Path

    @property
    def paths(self) -> list[Path]:
        """The files of the records."""
        found = self.folder.iterdir() if self.folder.is_dir() else iter(())
        return sorted(path for path in found if NAME.fullmatch(path.name))

    def records(self) -> list[Record]:
        """Every record. Raises LedgerError for a file that is none, or that was edited, removed or
        put between."""
        return list(self._chained())

    def _chained(self) -> Iterator[Record]:
        previous = ""
        for number, path in enumerate(self.paths, 1):
            record = _read(path)
            if record.get("id") != identity(record):
                raise LedgerError(f"{path} was edited: it is not what its id says")
            if record["previous"] != previous or not path.name.startswith(f"{number:06}"):
                raise LedgerError(f"{path} does not follow the record before it: one was removed")
            previous = record["id"]
            yield record

    def verify(self) -> int:
        """How many records there are, each of them valid. Raises LedgerError."""
        found = self.records()
        for path, record in zip(self.paths, found, strict=True):
            try:
                validate(record)
            except LedgerError as error:
                raise LedgerError(f"{path}: {error}") from None
        return len(found)

    def add(self, content: Mapping[str, Any]) -> Record:
        """Adds a record, whole or not at all; several processes may. Raises LedgerError for content
        that is not as the schema says."""
        from filelock import FileLock

        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / ".lock"):
            before = self.records()
            kept = {key: value for key, value in content.items() if key not in ADDED}
            record: dict[str, Any] = json.loads(json.dumps(kept))  # as it will be read
            record |= {"schema": 1, "previous": before[-1]["id"] if before else ""}
            record["id"] = identity(record)
            validate(record)
            path = self.folder / _name(len(before) + 1, record)
            part = path.with_name(f"{path.name}.{os.getpid()}.part")
            part.write_text(_text(record), encoding="utf-8")
            part.replace(path)
        return record


def _read(path: Path) -> Record:
    try:
        record: Record = json.loads(path.read_text(encoding="utf-8"))
        return {**record, "previous": record["previous"]}
    except (ValueError, KeyError, TypeError):
        raise LedgerError(f"{path} is no record of a ledger") from None


def _name(number: int, record: Record) -> str:
    """The name of a record's file: its place, when, and what it is of."""
    what = record.get("weights") or record.get("recipe") or record.get("what") or record["model"]
    on = f"-{record['benchmark']}" if "benchmark" in record else ""
    seed = f"-seed{record['seed']}" if "seed" in record else ""
    told = re.sub(r"[^\w.+-]+", "_", f"{what}{on}{seed}")[:80]
    return f"{number:06}-{re.sub('[:-]', '', record['date'])}-{told}.json"


def _text(record: Record) -> str:
    """A record for people too: a line for each field, and for each of a long list's."""
    text = json.dumps(record, indent=1, ensure_ascii=False)
    return re.sub(r"\n {3,}|\n {2}(?=[\]}])", " ", text) + "\n"


def published() -> Ledger:
    """The ledger that comes with the zoo."""
    checkout = ROOT / "eval" / "results"
    return Ledger(checkout if checkout.is_dir() else Path(__file__).parent / "published")


def own() -> Ledger:
    """The ledger of this machine."""
    from huggingface_hub import constants

    given = os.environ.get("ZOO_LEDGER")
    return Ledger(Path(given) if given else Path(constants.HF_HOME) / "zoo" / "ledger")


def merge(source: Ledger, target: Ledger) -> list[Record]:
    """Adds to `target` what `source` has and it has not, told by all but the chain; what was added.
    Raises LedgerError."""
    there = {_told(record) for record in target.records()}
    return [target.add(record) for record in source.records() if _told(record) not in there]


def _told(record: Record) -> str:
    return identity({key: value for key, value in record.items() if key != "previous"})


def latest(records: Sequence[Record], **wanted: Any) -> Record | None:
    """The last record whose fields are those that are wanted."""
    fitting = (r for r in reversed(records) if all(r.get(k) == v for k, v in wanted.items()))
    return next(fitting, None)
