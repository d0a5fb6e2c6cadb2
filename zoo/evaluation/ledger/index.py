"""An index of a long ledger, so that files that did not change are not opened again.

FOLDER/.index: sha256 of the rest; stamps (name, size, inode, times) of the files; their records

A record is taken from it while the stamp is still the file's. Whoever can write the index can
forge it, so `Ledger.verify` never reads it. A short ledger has none.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from zoo._io import atomic_write
from zoo.evaluation.ledger.records import Record

WORTH = 1000  # fewer files are read as fast as an index of them
SETTLED = 2 * 10**9  # ns after which every file system gives a change another time
FILE = ".index"


def stamp(path: str) -> str:
    """Return a text that changes whenever the file does, or another takes its place."""
    s = os.stat(path)
    return f"{path.rpartition(os.sep)[2]} {s.st_size} {s.st_ino} {s.st_mtime_ns} {s.st_ctime_ns}"


def recall(folder: Path, stamps: Sequence[str]) -> list[Record]:
    """Return the records of the first files, up to one that changed since it was read."""
    try:
        with (folder / FILE).open("rb") as file:
            digest, stamp_line, record_line = file.readline(), file.readline(), file.read()
        if _sha256(stamp_line, record_line) != digest:
            return []
        indexed_stamps, records = json.loads(stamp_line), json.loads(record_line)
    except (OSError, ValueError):
        return []
    pairs = enumerate(zip(indexed_stamps, stamps, strict=False))
    first_changed = next((i for i, (old, new) in pairs if old != new), len(stamps))
    unchanged: list[Record] = records[:first_changed]
    return unchanged


def store(folder: Path, stamps: Sequence[str], records: Sequence[Record], now: int) -> None:
    """Write the index atomically, or not at all where nobody may write.

    It ends before the first file that could have changed after the stamps were taken at `now` (ns)
    without a change of its times.
    """
    times = (max(map(int, stamp.split()[-2:])) for stamp in stamps)
    recent = (i for i, changed in enumerate(times) if changed > now - SETTLED)
    end = next(recent, len(stamps))
    parts = (json.dumps(part[:end], separators=(",", ":")) for part in (stamps, records))
    lines = [f"{part}\n".encode() for part in parts]
    with suppress(OSError):
        atomic_write(folder / FILE, b"".join((_sha256(*lines), *lines)))


def _sha256(*parts: bytes) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return f"{digest.hexdigest()}\n".encode()
