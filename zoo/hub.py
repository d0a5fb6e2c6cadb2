"""Weights on the Hub: downloaded by commit, locked at the first load, pinned in the room.

repo@commit -> huggingface_hub (HF_ENDPOINT, HF_HOME, HF_HUB_OFFLINE as it reads them) -> file

What a file must be is said by a pin: the room's own (timm.json, written by `zoo pin`), else this
machine's, written into the lock file at the first load. The lock file is $ZOO_LOCK, or
zoo/lock.json in HF_HOME: beside the downloads it speaks of, and outside hub/, which people clear.
"""

import json
import logging
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock
from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import (
    GatedRepoError,
    LocalEntryNotFoundError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from zoo import guard
from zoo.pretrained import ROOMS, TIMM, Weights, WeightsError

# Said by logging, not by warnings: `python -W error` must not turn a first load into a failure.
log = logging.getLogger(__name__)
MAIN = "main"
INDEX = ".index.json"  # the end of the name of a file that names shards

# The first that fits; a gated repository is a kind of one that is not found.
SENTENCES: tuple[tuple[type[Exception], str], ...] = (
    (
        GatedRepoError,
        "{repo} is gated: accept its terms at {endpoint}/{repo} and log in (hf auth login)",
    ),
    (
        RepositoryNotFoundError,
        "{endpoint} has no repository {repo}, or a private one: log in (hf auth login)",
    ),
    (
        RevisionNotFoundError,
        "{repo} has no revision {revision}: who owns it has rewritten its history",
    ),
    (
        RemoteEntryNotFoundError,
        "{repo} has no {file} at {revision}; a pickle (pytorch_model.bin) is never loaded: "
        "download it, turn it into safetensors with `zoo convert`, and load that",
    ),
    (
        LocalEntryNotFoundError,
        "{repo}/{file} is not in {cache}, and {endpoint} does not give it: {cause}",
    ),
)


@dataclass(frozen=True)
class Pin:
    """Which bytes a file of a repository has, and the file that says so."""

    revision: str
    sha256: str
    where: str


def lock_path() -> Path:
    """The lock file of this machine."""
    given = os.environ.get("ZOO_LOCK")
    return Path(given) if given else Path(constants.HF_HOME) / "zoo" / "lock.json"


def locked(path: Path | None = None) -> dict[str, dict[str, str]]:
    """{"repo/file": its revision and sha256}, of this machine or of another lock file. Raises
    WeightsError for a file that is none."""
    path = path or lock_path()
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return {name: {k: str(v[k]) for k in ("revision", "sha256")} for name, v in found.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise WeightsError(f"{path} is not a lock file of the zoo; move it away") from None


def pin_of(weights: Weights) -> Pin | None:
    """The pin of weights on the Hub: the room's, else this machine's; None before a first load."""
    if weights.sha256:
        return Pin(weights.revision, weights.sha256, weights.where)
    entry = locked().get(key(weights))
    return Pin(**entry, where=str(lock_path())) if entry else None


def key(weights: Weights) -> str:
    """What the lock file calls a file: a revision that was asked for is part of its name."""
    asked = f"@{weights.revision}" if weights.revision and not weights.sha256 else ""
    return f"{weights.repo}{asked}/{weights.file}"


def is_here(weights: Weights) -> bool:
    """Whether weights on the Hub can be loaded without asking it."""
    pin = pin_of(weights)
    if not pin:
        return False
    found = try_to_load_from_cache(weights.repo, weights.file, revision=pin.revision)
    if not isinstance(found, str) or not weights.file.endswith(INDEX):
        return isinstance(found, str)
    names = shards(weights.name, Path(found).read_bytes())
    return all(is_here(shard(weights, name, pin.revision)) for name in names)


def shards(name: str, index: bytes) -> list[str]:
    """The files that an index names. Raises WeightsError if it is none, or names other folders."""
    try:
        files = sorted(set(json.loads(index)["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise WeightsError(f"{name}: the file is no index of shards") from None
    for file in files:
        if Path(file).name != file or not file.endswith(".safetensors"):
            raise WeightsError(f"{name}: the index names {file!r}, no safetensors file beside it")
    return files


def shard(weights: Weights, name: str, commit: str) -> Weights:
    """One of the files that an index names, at the commit of the index."""
    file = str(Path(weights.file).with_name(name))
    return replace(weights, file=file, sha256=weights.shards.get(name, ""), revision=commit)


def fetch(weights: Weights) -> tuple[Path, str]:
    """The downloaded file and its commit: the pinned one, or what `main` is now.

    Raises WeightsError with one sentence for whatever keeps it from coming.
    """
    pin = pin_of(weights)
    revision = pin.revision if pin else weights.revision or MAIN
    try:
        guard.trusted()
        path = Path(hf_hub_download(weights.repo, weights.file, revision=revision))
    except guard.EndpointError as error:
        raise WeightsError(f"{weights.name}: {error}") from None
    except Exception as error:  # each version of huggingface_hub has its own HTTP library
        raise WeightsError(f"{weights.name}: {_sentence(error, weights, revision)}") from error
    commit = path.parent.name  # snapshots/COMMIT/FILE
    if not re.fullmatch("[0-9a-f]{40}", commit):
        raise WeightsError(f"{weights.name}: {constants.ENDPOINT} names no commit, but {commit!r}")
    return path, commit


def discard(path: Path, found: str) -> str:
    """Removes a file of the cache whose bytes are not those it is named by, and says so; "" if they
    are. Only a file that the Hub names by its sha256 can be told: a link to blobs/SHA256, which may
    be a link to what Xet files of several repositories share."""
    blob = path.parent / path.readlink() if path.is_symlink() else path
    if not re.fullmatch("[0-9a-f]{64}", blob.name) or blob.name == found:
        return ""
    for kept in (blob.resolve(), blob, path):
        kept.unlink(missing_ok=True)
    return f"; the Hub says {blob.name}: it is removed from the cache, ask for it again"


def _sentence(error: Exception, weights: Weights, revision: str) -> str:
    known = (text for kind, text in SENTENCES if isinstance(error, kind))
    cause = error.__cause__ or error  # huggingface_hub says last that it looked in its cache too
    return next(known, "{repo}/{file} did not arrive whole: {cause}").format(
        repo=weights.repo,
        file=weights.file,
        revision=revision,
        endpoint=constants.ENDPOINT,
        cache=constants.HF_HUB_CACHE,
        cause=str(cause).partition("\n")[0] or type(cause).__name__,
    )


def lock(weights: Weights, pin: Pin) -> None:
    """Writes the pin of a first load into the lock file, and says so once."""
    path = lock_path()
    try:
        write_lock(path, key(weights), {"revision": pin.revision, "sha256": pin.sha256})
    except OSError as error:
        raise WeightsError(f"{path} cannot be written ({error}); set ZOO_LOCK to a file") from None
    log.warning("%s: locked at %s, sha256 %s, in %s", weights.name, pin.revision, pin.sha256, path)


def write_lock(path: Path, name: str, entry: dict[str, str]) -> None:
    """Adds an entry to a lock file. Raises WeightsError if it has other bytes for that name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(path.name + ".lock")):
        everything = locked(path)
        if everything.get(name, entry)["sha256"] != entry["sha256"]:
            raise WeightsError(f"{name}: another process has just locked other bytes in {path}")
        write_json(path, dict(sorted((everything | {name: entry}).items())))


def unlock(repo: str) -> list[str]:
    """Forgets what is locked of a repository, so that its next load takes what is there then; what
    was forgotten."""
    path = lock_path()
    if not path.is_file():
        return []
    with FileLock(path.with_name(path.name + ".lock")):
        everything = locked()
        gone = [name for name in everything if re.match(rf"{re.escape(repo)}[@/]", name)]
        if gone:
            write_json(path, {name: everything[name] for name in everything if name not in gone})
    return gone


def write_json(path: Path, value: Any) -> None:
    """A JSON file, whole or not at all; what is nested deeper than three levels is on one line."""
    text = json.dumps(value, indent=1, ensure_ascii=False)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(re.sub(r"\n {4,}|\n {3}(?=[\]}])", " ", text) + "\n", encoding="utf-8")
    part.replace(path)


def pin(weights: Weights) -> Pin:
    """Writes what this machine has locked into the room's timm.json, for everyone.

    Raises WeightsError for weights that are bundled, not yet loaded here or pinned already, and
    in an installed package, whose rooms are not for writing.
    """
    if not weights.repo:
        raise WeightsError(f"{weights.name} is not on the Hub; {weights.where} has its sha256")
    if weights.sha256:
        raise WeightsError(f"{weights.name} is pinned in {weights.where} already")
    found = pin_of(weights)
    if not found:
        raise WeightsError(f"{weights.name} has not been loaded here: zoo.create it once, then pin")
    path = ROOMS / weights.paper / TIMM
    if not (ROOMS.parent.parent / "pyproject.toml").is_file() or not os.access(path, os.W_OK):
        raise WeightsError(f"{path} is part of an installed zoo; pin in a checkout that is yours")
    content = json.loads(path.read_text(encoding="utf-8"))
    content["weights"][weights.name] |= {"revision": found.revision, "sha256": found.sha256}
    write_json(path, content)
    return found
