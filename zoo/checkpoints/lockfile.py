"""The lock file: which bytes each file of the Hub had when this machine first loaded it.

$ZOO_LOCK, or zoo/lock.json in HF_HOME: beside the downloads it speaks of, and outside hub/, which
people clear.
"""

import json
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from huggingface_hub import constants

from zoo._io import write_json
from zoo.papers.weights import Weights, WeightsError

# Said by logging, not by warnings: `python -W error` must not turn a first load into a failure.
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pin:
    """Which bytes a file of a repository has, and the file that says so."""

    revision: str
    sha256: str
    where: str


def lockfile_path() -> Path:
    """The lock file of this machine."""
    given = os.environ.get("ZOO_LOCK")
    return Path(given) if given else Path(constants.HF_HOME) / "zoo" / "lock.json"


def read_lockfile(path: Path | None = None) -> dict[str, dict[str, str]]:
    """{"repo/file": its revision and sha256}, of this machine or of another lock file. Raises
    WeightsError for a file that is none."""
    path = path or lockfile_path()
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return {name: {k: str(v[k]) for k in ("revision", "sha256")} for name, v in found.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise WeightsError(f"{path} is not a lock file of the zoo; move it away") from None


def get_pin(weights: Weights) -> Pin | None:
    """The pin of weights on the Hub: the room's, else this machine's; None before a first load."""
    if weights.sha256:
        return Pin(weights.revision, weights.sha256, weights.where)
    entry = read_lockfile().get(lock_key(weights))
    return Pin(**entry, where=str(lockfile_path())) if entry else None


def lock_key(weights: Weights) -> str:
    """What the lock file calls a file: a revision that was asked for is part of its name."""
    asked = f"@{weights.revision}" if weights.revision and not weights.sha256 else ""
    return f"{weights.repo}{asked}/{weights.file}"


def add_lock(weights: Weights, pin: Pin) -> None:
    """Writes the pin of a first load into the lock file, and says so once."""
    path = lockfile_path()
    try:
        write_lock(path, lock_key(weights), {"revision": pin.revision, "sha256": pin.sha256})
    except OSError as error:
        raise WeightsError(f"{path} cannot be written ({error}); set ZOO_LOCK to a file") from None
    log.warning("%s: locked at %s, sha256 %s, in %s", weights.name, pin.revision, pin.sha256, path)


def write_lock(path: Path, name: str, entry: dict[str, str]) -> None:
    """Adds an entry to a lock file. Raises WeightsError if it has other bytes for that name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(path.name + ".lock")):
        everything = read_lockfile(path)
        if everything.get(name, entry)["sha256"] != entry["sha256"]:
            raise WeightsError(f"{name}: another process has just locked other bytes in {path}")
        write_json(path, dict(sorted((everything | {name: entry}).items())))


def remove_locks(repo: str) -> list[str]:
    """Forgets what is locked of a repository, so that its next load takes what is there then; what
    was forgotten."""
    path = lockfile_path()
    if not path.is_file():
        return []
    with FileLock(path.with_name(path.name + ".lock")):
        everything = read_lockfile()
        gone = [name for name in everything if re.match(rf"{re.escape(repo)}[@/]", name)]
        if gone:
            write_json(path, {name: everything[name] for name in everything if name not in gone})
    return gone
