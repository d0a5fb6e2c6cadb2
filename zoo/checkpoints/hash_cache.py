"""Large files whose bytes were hashed here before and have not changed since: they need not be read
again to know their sha256.

path -> its sha256, and what the file system said of it then    $ZOO_CHECKED, else zoo/checked.json
                                                                in HF_HOME; ZOO_CHECKED="" for none

A file counts as the same while device, inode, size and the times of its last change, of content and
of anything, are. The last of these no program can set.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from filelock import FileLock
from huggingface_hub import constants

MIN_SIZE = 64 << 20  # bytes; smaller ones are hashed in less than a tenth of a second
SETTLE_TIME = 100_000_000  # nanoseconds; a file system may give two changes so close the same time

FileStat = list[int]
_trusting = ContextVar("trusting", default=True)


@contextmanager
def disabled() -> Iterator[None]:
    """Within it no file counts as hashed before."""
    token = _trusting.set(False)
    try:
        yield
    finally:
        _trusting.reset(token)


def file_stat(file: int) -> FileStat:
    """What tells a change of an open file; [] if it has just changed and so may again, unseen."""
    s = os.fstat(file)
    settled = time.time_ns() - s.st_ctime_ns > SETTLE_TIME
    return [s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns] if settled else []


def cache_path() -> Path | None:
    """The file that keeps them, if any does."""
    given = os.environ.get("ZOO_CHECKED")
    if given is None:
        return Path(constants.HF_HOME) / "zoo" / "checked.json"
    return Path(given) if given else None


def lookup(path: Path, now: FileStat) -> str:
    """The sha256 of a file, if it is the one that was hashed; else ""."""
    kept = cache_path()
    if not kept or not _worth(now) or not _trusting.get():
        return ""
    entry = _read(kept).get(str(path.resolve()), {})
    return entry["sha256"] if entry.get("stamp") == now else ""


def store(path: Path, before: FileStat, after: FileStat, sha256: str) -> None:
    """Keeps the sha256 of a file that was hashed between two stamps, if nothing can have changed it
    meanwhile. Where it cannot be kept, the file is hashed again next time."""
    kept = cache_path()
    if not kept or not _worth(before) or before != after:
        return
    with suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(kept.with_name(f"{kept.name}.lock")):
            there = {name: entry for name, entry in _read(kept).items() if Path(name).is_file()}
            there[str(path.resolve())] = {"sha256": sha256, "stamp": before}
            part = kept.with_name(f"{kept.name}.part")
            part.write_text(json.dumps(there, indent=1) + "\n", encoding="utf-8")
            part.replace(kept)


def _worth(stamp: FileStat) -> bool:
    return bool(stamp) and stamp[2] >= MIN_SIZE


def _read(kept: Path) -> dict[str, Any]:
    try:
        found = json.loads(kept.read_text(encoding="utf-8")).items()
        return {name: {"sha256": str(e["sha256"]), "stamp": e["stamp"]} for name, e in found}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # not there, or damaged: files are hashed again
