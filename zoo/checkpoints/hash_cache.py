"""A cache of the sha256 of large files, so that an unchanged file is hashed once.

path -> sha256 and file status, in $ZOO_CHECKED or zoo/checked.json in HF_HOME; ZOO_CHECKED="": none

A file is unchanged while its device, inode, size, mtime and ctime are. No program can set a ctime.
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

from zoo._io import read_small, write_json

MAX_SIZE = 16 << 20  # bytes of the cache; an entry has about 200
MIN_SIZE = 64 << 20  # bytes; smaller files are hashed in less than a tenth of a second
SETTLE_TIME = 100_000_000  # ns; a file system may give two changes this close the same time

FileStatus = list[int]  # device, inode, bytes, mtime (ns), ctime (ns)
_enabled = ContextVar("enabled", default=True)


@contextmanager
def disabled() -> Iterator[None]:
    """Hash every file within this context."""
    token = _enabled.set(False)
    try:
        yield
    finally:
        _enabled.reset(token)


def file_status(file: int) -> FileStatus | None:
    """Return the status of an open file, or None if it is small or changed too recently."""
    s = os.fstat(file)
    settled = time.time_ns() - s.st_ctime_ns > SETTLE_TIME
    if not settled or s.st_size < MIN_SIZE:
        return None
    return [s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns]


def cache_path() -> Path | None:
    """Return the file of the cache, or None if ZOO_CHECKED is empty."""
    path = os.environ.get("ZOO_CHECKED")
    if path is None:
        return Path(constants.HF_HOME) / "zoo" / "checked.json"
    return Path(path) if path else None


def lookup(path: Path, status: FileStatus | None) -> str | None:
    """Return the cached sha256 of a file, or None if it is not cached or has changed."""
    cache = cache_path()
    if not cache or not status or not _enabled.get():
        return None
    entry = _read(cache).get(str(path.resolve()))
    return entry["sha256"] if entry and entry["status"] == status else None


def store(path: Path, before: FileStatus | None, after: FileStatus | None, sha256: str) -> None:
    """Cache the sha256 of a file, if its status did not change while it was read.

    Where the cache cannot be written, the file is hashed again next time.
    """
    cache = cache_path()
    if not cache or not before or before != after:
        return
    with suppress(OSError):
        cache.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(cache.with_name(f"{cache.name}.lock")):
            entries = {name: entry for name, entry in _read(cache).items() if Path(name).is_file()}
            entries[str(path.resolve())] = {"sha256": sha256, "status": before}
            write_json(cache, entries)


def _read(cache: Path) -> dict[str, dict[str, Any]]:
    try:
        entries = json.loads(read_small(cache, MAX_SIZE)).items()
        return {k: {"sha256": str(v["sha256"]), "status": v["status"]} for k, v in entries}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}  # missing or damaged: files are hashed again
