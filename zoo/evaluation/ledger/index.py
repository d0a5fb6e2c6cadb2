"""What was read of a long ledger before, so that its files need not be opened again.

FOLDER/.index: the sha256 of the rest; a list of stamps (name, size, inode, times); one of records

It is believed as far as the stamps are still the files'. Who may write it may forge it, so
`Ledger.verify` never looks at it. A ledger of few records has none.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from zoo._io import atomic_write
from zoo.evaluation.ledger.records import Record

WORTH = 1000  # so many files are read as fast as an index of them
SETTLED = 2 * 10**9  # nanoseconds after which every file system gives a change another time
FILE = ".index"


def stamp(path: str) -> str:
    """What changes whenever a file does, or another takes its place."""
    s = os.stat(path)
    return f"{path.rpartition(os.sep)[2]} {s.st_size} {s.st_ino} {s.st_mtime_ns} {s.st_ctime_ns}"


def recall(folder: Path, stamps: Sequence[str]) -> list[Record]:
    """The records of the first files, as far as those are as they were when they were read."""
    try:
        with (folder / FILE).open("rb") as file:
            total, then, records = file.readline(), file.readline(), file.read()
        if _sum(then, records) != total:
            return []
        before, found = json.loads(then), json.loads(records)
    except (OSError, ValueError):
        return []
    pairs = enumerate(zip(before, stamps, strict=False))
    changed = next((i for i, (old, new) in pairs if old != new), len(stamps))
    known: list[Record] = found[:changed]
    return known


def store(folder: Path, stamps: Sequence[str], found: Sequence[Record], moment: int) -> None:
    """Writes the index, whole or not at all; none where nobody may write. It ends at the first file
    that could have changed after the `moment` of the stamps (ns) and have the same."""
    times = (max(map(int, stamp.split()[-2:])) for stamp in stamps)
    recent = (i for i, changed in enumerate(times) if changed > moment - SETTLED)
    end = next(recent, len(stamps))
    parts = (json.dumps(part[:end], separators=(",", ":")) for part in (stamps, found))
    lines = [f"{part}\n".encode() for part in parts]
    with suppress(OSError):
        atomic_write(folder / FILE, b"".join((_sum(*lines), *lines)))


def _sum(*parts: bytes) -> bytes:
    total = hashlib.sha256()
    for part in parts:
        total.update(part)
    return f"{total.hexdigest()}\n".encode()
