"""Append-only ledgers of measurements.

content -> validated, chained to the record before it -> FOLDER/000012-<date>-<subject>.json

There are two: the published one, which comes with the zoo (eval/results in a checkout, one packed
file in a wheel), and this machine's own ($ZOO_LEDGER, or zoo/ledger in HF_HOME), to which
`zoo check` adds.

A chain cannot tell that its last records were removed. So length and last id of the published
ledger are pinned beside this file; of others, `zoo ledger verify` prints them.
"""

import gc
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo._io import atomic_write, read_json, read_small, write_json
from zoo.evaluation.ledger import index, records
from zoo.evaluation.ledger.records import (
    EvalRecord,
    LedgerError,
    Record,
    SpeedRecord,
    TrainingRecord,
    backend_of,
    identity,
    validate,
)

__all__ = [
    "EvalRecord",
    "Ledger",
    "LedgerError",
    "Record",
    "SpeedRecord",
    "TrainingRecord",
    "backend_of",
    "identity",
    "latest",
    "merge",
    "own",
    "published",
    "validate",
]
CHECKOUT = Path(__file__).parents[3] / "eval" / "results"
PACKAGED = Path(__file__).with_name("published.jsonl.xz")  # in an installed package
PIN = Path(__file__).with_name("published.json")  # {"records": ..., "last": ...}


@dataclass(frozen=True)
class Ledger:
    """The records of a folder, in order. Other files in it are left alone."""

    folder: Path

    @property
    def paths(self) -> list[Path]:
        """Files of the records."""
        return [self.folder / name for name in self._names()]

    @property
    def last(self) -> str:
        """Id of the last record, empty without one. Raises LedgerError."""
        return self._last()[1]

    def records(self) -> list[Record]:
        """Return every record. Raises LedgerError for a file that is no record, or was edited,
        removed or inserted. Files whose times and sizes an index knows are not opened again."""
        names = self._names()
        with _without_gc():
            chained = list(self._chained(names, self._recalled(names)))
        self._check_pin(chained)
        return chained

    def verify(self) -> int:
        """Return the number of records, after opening each: valid, in its place, and byte for byte
        what was added. Raises LedgerError."""
        names = self._names()
        chained = list(self._chained(names, self._opened(names)))
        self._check_pin(chained)
        for name, record in zip(names, chained, strict=True):
            self._check_bytes(name, record)
            try:
                validate(record)
            except LedgerError as error:
                raise LedgerError(f"{self.folder / name}: {error}") from None
        return len(names)

    def add(self, content: Mapping[str, Any]) -> Record:
        """Add a record atomically; several processes may. Raises LedgerError for content that the
        schema refuses, or after an edited record."""
        return self.extend([content])[0]

    def extend(self, contents: Iterable[Mapping[str, Any]]) -> list[Record]:
        """Add records together: none if one is invalid, and no other process's between them."""
        from filelock import FileLock

        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder.with_name(f".{self.folder.name}.lock")):
                for leftover in self.folder.glob(".[0-9]*.part"):  # of a process that was killed
                    leftover.unlink()
                number, previous = self._last()
                added: list[Record] = []
                for content in contents:
                    added.append(records.new(content, previous))
                    previous = added[-1]["id"]
                for place, record in enumerate(added, number + 1):
                    path = self.folder / records.name(place, record)
                    atomic_write(path, records.text(record))
                if added and self._is_checkout:
                    write_json(PIN, {"records": number + len(added), "last": previous})
                return added
        except OSError as error:
            raise LedgerError(f"nothing can be added to {self.folder}: {error}") from None

    @property
    def _is_checkout(self) -> bool:
        """True for the published ledger in a checkout."""
        return CHECKOUT.is_dir() and self.folder.resolve() == CHECKOUT

    def _check_pin(self, chained: Sequence[Record]) -> None:
        """Raise LedgerError if the published ledger lacks records that are pinned."""
        if not (self._is_checkout or self.folder == PACKAGED):
            return
        pin = read_json(PIN)
        ids = [record["id"] for record in chained[: pin["records"]]]
        if len(ids) < pin["records"] or ids[-1] != pin["last"]:
            raise LedgerError(
                f"{self.folder} is not the published ledger: {len(chained)} records, of which "
                f"{PIN.name} pins {pin['records']}, the last of them {pin['last'][:12]}"
            )

    def _last(self) -> tuple[int, str]:
        """Return number and id of the last record."""
        names = self._names()
        if not names:
            return 0, ""
        self._in_place(len(names), names[-1])
        return len(names), self._read(names[-1])["id"]

    def _names(self) -> list[str]:
        if not self.folder.is_dir():
            return []
        names = sorted(filter(records.NAME.fullmatch, os.listdir(self.folder)))
        names.sort(key=lambda name: name.find("-"))  # a longer number is a higher one
        return names

    def _in_place(self, number: int, name: str) -> None:
        """Raise LedgerError unless a file has this number."""
        if name.startswith(f"{number:06}-"):
            return
        other = int(name.partition("-")[0])
        if other > number:
            raise LedgerError(f"{self.folder} has no record {number}, but {name}: it was removed")
        if other < number:
            raise LedgerError(
                f"{self.folder} has two records {other}, one of them {name}; if two ledgers grew "
                "apart, keep the files of one and `zoo ledger merge` a folder with the other's"
            )

    def _chained(self, names: Sequence[str], unchecked: Iterable[Record]) -> Iterator[Record]:
        """Yield records as long as each follows the one before."""
        previous = ""
        for number, (name, record) in enumerate(zip(names, unchecked, strict=True), 1):
            self._in_place(number, name)
            if record["previous"] != previous:
                raise LedgerError(f"{self.folder / name} does not follow the record before it")
            previous = record["id"]
            yield record

    def _opened(self, names: Iterable[str]) -> Iterator[Record]:
        return map(self._read, names)

    def _read(self, name: str) -> Record:
        return records.read(self.folder / name)

    def _check_bytes(self, name: str, record: Record) -> None:
        """Raise LedgerError unless a file has the bytes of its record."""
        text = read_small(self.folder / name).decode().replace("\r\n", "\n")  # as git may have it
        if text != records.text(record):
            raise LedgerError(
                f"{self.folder / name} was edited: these are not the bytes that were added"
            )

    def _recalled(self, names: Sequence[str]) -> list[Record]:
        """Return the records of files, from the index where it has them, and update the index."""
        now = time.time_ns()
        stamps = [index.stamp(f"{self.folder}{os.sep}{name}") for name in names]
        indexed = index.recall(self.folder, stamps)
        every = [*indexed, *self._opened(names[len(indexed) :])]
        if len(every) - len(indexed) > index.WORTH:
            index.store(self.folder, stamps, every, now)
        return every


class PackedLedger(Ledger):
    """The published ledger in a wheel; its `folder` is one compressed file, a line a record."""

    def _names(self) -> list[str]:
        return [records.name(n, r) for n, r in enumerate(records.read_packed(self.folder), 1)]

    def _read(self, name: str) -> Record:
        return records.read_packed(self.folder)[int(name.partition("-")[0]) - 1]

    def _recalled(self, names: Sequence[str]) -> list[Record]:
        return [self._read(name) for name in names]

    def _check_bytes(self, name: str, record: Record) -> None:
        """Do nothing: a line has been compared with its id."""


@contextmanager
def _without_gc() -> Iterator[None]:
    """Pause the garbage collector, which would take as long as reading so many objects."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            if not gc.get_freeze_count():
                gc.freeze()
                gc.unfreeze()  # into the oldest generation, which is collected last
            gc.enable()


def published() -> Ledger:
    """Return the ledger that comes with the zoo."""
    return Ledger(CHECKOUT) if CHECKOUT.is_dir() else PackedLedger(PACKAGED)


def own() -> Ledger:
    """Return the ledger of this machine."""
    from huggingface_hub import constants

    folder = os.environ.get("ZOO_LEDGER")
    return Ledger(Path(folder) if folder else Path(constants.HF_HOME) / "zoo" / "ledger")


def merge(source: Ledger, target: Ledger) -> list[Record]:
    """Add the records of `source` that `target` lacks, whatever their chains; return them. Raises
    LedgerError."""

    def missing() -> Iterator[Record]:  # evaluated under the lock of `target`
        present = {_content_id(record) for record in target.records()}
        yield from (record for record in source.records() if _content_id(record) not in present)

    return target.extend(missing())


def _content_id(record: Record) -> str:
    return identity({key: value for key, value in record.items() if key != "previous"})


def latest(records: Sequence[Record], **fields: Any) -> Record | None:
    """Return the last record with these values of fields."""
    matches = (r for r in reversed(records) if all(r.get(k) == v for k, v in fields.items()))
    return next(matches, None)
