"""The lock file: the commit and sha256 of each file of the Hub when this machine first loaded it,
and the sums of each file at a URL, as it was published and as it was converted.

$ZOO_LOCK, or zoo/lock.json in HF_HOME: beside the downloads that it speaks of, and outside hub/,
which people clear.
"""

import json
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from huggingface_hub import constants

from zoo._io import read_small, write_json
from zoo.papers.weights import Weights, WeightsError

# Not a warning: under `python -W error` a first load would fail.
log = logging.getLogger(__name__)

MAX_SIZE = 64 << 20  # bytes; an entry has about 200


@dataclass(frozen=True)
class Pin:
    """The bytes that a file of weights must have."""

    revision: str  # commit on the Hub, or sum of the checkpoint at a URL; "" for a local file
    sha256: str
    where: str  # the file that states it


def lockfile_path() -> Path:
    """Return the lock file of this machine."""
    path = os.environ.get("ZOO_LOCK")
    return Path(path) if path else Path(constants.HF_HOME) / "zoo" / "lock.json"


def read_lockfile(path: Path | None = None) -> dict[str, dict[str, str]]:
    """Return {"repo/file": {"revision": ..., "sha256": ...}} of a lock file, this machine's by
    default. Raises WeightsError if it is malformed."""
    path = path or lockfile_path()
    try:
        entries = json.loads(read_small(path, MAX_SIZE)) if path.is_file() else {}
        return {name: {k: str(v[k]) for k in ("revision", "sha256")} for name, v in entries.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise WeightsError(f"{path} is not a lock file of the zoo; move it away") from None


def get_pin(weights: Weights) -> Pin | None:
    """Return the pin of a file: the paper's, or else this machine's lock; None before a first load.

    A local file is pinned by its paper or not at all.
    """
    if weights.sha256:
        where = weights.source if weights.paper else f"the config.json of {weights.origin}"
        return Pin(weights.revision, weights.sha256, where)
    entry = None if weights.bundled else read_lockfile().get(lock_key(weights))
    if not entry or (weights.url and not entry["revision"].startswith(weights.sum)):
        return None  # what has another sum than is published by now is not loaded
    return Pin(**entry, where=str(lockfile_path()))


def lock_key(weights: Weights) -> str:
    """Return the name of a file in the lock file: "repo/file", "repo@revision/file", "url#file"."""
    if weights.url:
        return f"{weights.url}#{weights.file}"
    revision = f"@{weights.revision}" if weights.revision and not weights.sha256 else ""
    return f"{weights.repo}{revision}/{weights.file}"


def add_lock(weights: Weights, commit: str, sha256: str) -> None:
    """Lock a file of the Hub at its first load, and log it."""
    path = lockfile_path()
    try:
        write_lock(path, lock_key(weights), {"revision": commit, "sha256": sha256})
    except OSError as error:
        raise WeightsError(f"{path} cannot be written ({error}); set ZOO_LOCK to a file") from None
    log.warning("%s: locked at %s, sha256 %s, in %s", weights.name, commit, sha256, path)


def write_lock(path: Path, key: str, entry: dict[str, str]) -> None:
    """Add an entry to a lock file. Raises WeightsError if the key is locked to other bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(path.name + ".lock")):
        entries = read_lockfile(path)
        if entries.get(key, entry)["sha256"] != entry["sha256"]:
            raise WeightsError(f"{key}: another process has just locked other bytes in {path}")
        write_json(path, dict(sorted((entries | {key: entry}).items())))


def remove_locks(place: str) -> list[str]:
    """Remove a repository or URL from this machine's lock file; return the keys removed."""
    path = lockfile_path()
    if not path.is_file():
        return []
    with FileLock(path.with_name(path.name + ".lock")):
        entries = read_lockfile()
        removed = [key for key in entries if re.match(rf"{re.escape(place)}[@/#]", key)]
        if removed:
            write_json(path, {key: entries[key] for key in entries if key not in removed})
    return removed
