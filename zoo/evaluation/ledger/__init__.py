"""What was measured, once and for all: records that are added and never changed.

content -> validated, chained to the record before it -> FOLDER/000012-<date>-<what>.json

Two ledgers are read: the published one, which comes with the zoo (eval/results in a checkout), and
one's own ($ZOO_LEDGER, or zoo/ledger in HF_HOME), to which `zoo check` adds. Standard library only,
but for the schema's validator and the lock of an addition.

What the chain cannot tell is that the last records were taken away: who notes the id of the last
one, as `zoo ledger verify` prints it, can.
"""

import gc
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo._io import atomic_write
from zoo.evaluation.ledger import index, records
from zoo.evaluation.ledger.records import LedgerError, Record, identity, validate

__all__ = [
    "Ledger",
    "LedgerError",
    "Record",
    "identity",
    "latest",
    "merge",
    "own",
    "published",
    "validate",
]
ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Ledger:
    """The records of a folder, in their order. Other files in it are left alone."""

    folder: Path

    @property
    def paths(self) -> list[Path]:
        """The files of the records."""
        return [self.folder / name for name in self._names()]

    @property
    def last(self) -> str:
        """The id of the last record; "" if there is none. Raises LedgerError."""
        return self._last()[1]

    def records(self) -> list[Record]:
        """Every record. Raises LedgerError for a file that is none, or that was edited, removed or
        put between. Of a long ledger, files are opened only if they changed since they were read,
        by their times and sizes."""
        names = self._names()
        with _undisturbed():
            return list(self._chained(names, self._recalled(names)))

    def verify(self) -> int:
        """How many records there are: each opened, valid, in its place, and byte for byte what was
        added. Raises LedgerError."""
        names = self._names()
        for name, record in zip(names, self._chained(names, self._opened(names)), strict=True):
            path = self.folder / name
            text = path.read_bytes().decode().replace("\r\n", "\n")  # as git may check it out
            if text != records.text(record):
                raise LedgerError(f"{path} was edited: these are not the bytes that were added")
            try:
                validate(record)
            except LedgerError as error:
                raise LedgerError(f"{path}: {error}") from None
        return len(names)

    def add(self, content: Mapping[str, Any]) -> Record:
        """Adds a record, whole or not at all; several processes may. Raises LedgerError for content
        that is not as the schema says, or after a record that was edited."""
        return self.extend([content])[0]

    def extend(self, contents: Iterable[Mapping[str, Any]]) -> list[Record]:
        """Adds records, none if one is not valid, with none of another process between them. Only
        the last one there is read: one that was edited before it stays seen as edited."""
        from filelock import FileLock

        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder.with_name(f".{self.folder.name}.lock")):
                for leftover in self.folder.glob(".[0-9]*.part"):  # of a process that was killed
                    leftover.unlink()
                number, previous = self._last()
                made: list[Record] = []
                for content in contents:
                    made.append(records.new(content, previous))
                    previous = made[-1]["id"]
                for place, record in enumerate(made, number + 1):
                    path = self.folder / records.name(place, record)
                    atomic_write(path, records.text(record))
                return made
        except OSError as error:
            raise LedgerError(f"nothing can be added to {self.folder}: {error}") from None

    def _last(self) -> tuple[int, str]:
        """The number and the id of the last record."""
        names = self._names()
        if not names:
            return 0, ""
        self._in_place(len(names), names[-1])
        return len(names), records.read(self.folder / names[-1])["id"]

    def _names(self) -> list[str]:
        if not self.folder.is_dir():
            return []
        found = sorted(filter(records.NAME.fullmatch, os.listdir(self.folder)))
        found.sort(key=lambda name: name.find("-"))  # a longer number is a higher one
        return found

    def _in_place(self, number: int, name: str) -> None:
        """Raises LedgerError for a file that is not the one of this number."""
        if name.startswith(f"{number:06}-"):
            return
        given = int(name.partition("-")[0])
        if given > number:
            raise LedgerError(f"{self.folder} has no record {number}, but {name}: it was removed")
        if given < number:
            raise LedgerError(
                f"{self.folder} has two records {given}, one of them {name}; if two ledgers grew "
                "apart, keep the files of one and `zoo ledger merge` a folder with the other's"
            )

    def _chained(self, names: Sequence[str], found: Iterable[Record]) -> Iterator[Record]:
        """The records that were found, as far as each follows the one before."""
        previous = ""
        for number, (name, record) in enumerate(zip(names, found, strict=True), 1):
            self._in_place(number, name)
            if record["previous"] != previous:
                raise LedgerError(f"{self.folder / name} does not follow the record before it")
            previous = record["id"]
            yield record

    def _opened(self, names: Iterable[str]) -> Iterator[Record]:
        return (records.read(self.folder / name) for name in names)

    def _recalled(self, names: Sequence[str]) -> list[Record]:
        """The records of files, from the index as far as it has them; mends the index."""
        moment = time.time_ns()
        stamps = [index.stamp(f"{self.folder}{os.sep}{name}") for name in names]
        known = index.recall(self.folder, stamps)
        found = [*known, *self._opened(names[len(known) :])]
        if len(found) - len(known) > index.WORTH:
            index.store(self.folder, stamps, found, moment)
        return found


@contextmanager
def _undisturbed() -> Iterator[None]:
    """So many objects that all stay: to look for garbage among them takes as long as to make
    them."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            if not gc.get_freeze_count():
                gc.freeze()
                gc.unfreeze()  # into the oldest generation, which is looked through last
            gc.enable()


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

    def missing() -> Iterator[Record]:  # asked for once nobody else may add
        there = {_told(record) for record in target.records()}
        yield from (record for record in source.records() if _told(record) not in there)

    return target.extend(missing())


def _told(record: Record) -> str:
    return identity({key: value for key, value in record.items() if key != "previous"})


def latest(records: Sequence[Record], **wanted: Any) -> Record | None:
    """The last record whose fields are those that are wanted."""
    fitting = (r for r in reversed(records) if all(r.get(k) == v for k, v in wanted.items()))
    return next(fitting, None)
