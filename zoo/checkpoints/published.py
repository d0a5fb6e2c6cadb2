"""Checkpoints that a provider publishes at a URL: download, unpack, compare with their sum.

weights -> zoo.checkpoints.web -> the one file of a zip -> sum of the provider, or of the lock file
"""

import hashlib
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from zoo._io import atomic_path
from zoo.checkpoints import endpoint, web
from zoo.checkpoints.lockfile import get_pin, lock_key, lockfile_path, read_lockfile, write_lock
from zoo.papers.weights import Weights, WeightsError, installed_dir

DOWNLOADS = ".downloads"  # in the folder of installed weights


def download_path(weights: Weights) -> Path:
    """Return where the file at the URL of weights is until it is converted."""
    name = PurePosixPath(unquote(urlsplit(weights.url).path)).name
    digest = hashlib.sha256(weights.url.encode()).hexdigest()[:16]
    return installed_dir() / DOWNLOADS / f"{digest}-{name}"


@contextmanager
def checkpoint(weights: Weights, *, trust: bool, max_bytes: int) -> Iterator[tuple[Path, str]]:
    """Download a checkpoint, check its sum, and remove it when the block ends.

    Args:
        weights: Where it is, and its sum.
        trust: Take a file whose sum nobody has published.
        max_bytes: The most that the file, and the checkpoint in it, may have.

    Yields:
        Its path, and its sum: "sha1:..." or "sha256:...", in full.

    Raises:
        WeightsError: One sentence on why the checkpoint cannot be had, or is another one.
    """
    locked = read_lockfile().get(lock_key(weights), {}).get("revision", "")
    expected = weights.sum or locked
    if not (expected or trust):
        raise WeightsError(
            f"{weights.name}: nobody has published a sum of {weights.url}; "
            f"`zoo pull {weights.name} --trust` takes what arrives, once, and locks its sha256"
        )
    file = download_path(weights)
    unpacked = file.with_name(f"{file.name}.unpacked")
    try:
        web.download(weights.url, file, max_bytes=max_bytes)
        path = file
        if file.suffix == ".zip":
            _unpack(file, weights.member, unpacked, max_bytes)
            path = unpacked
        actual = _sum(path, expected.partition(":")[0] or "sha256")
        if not actual.startswith(expected):
            where = weights.source if weights.sum else lockfile_path()
            raise WeightsError(f"{weights.url} holds {actual}, and {where} says {expected}")
        yield path, actual
    except WeightsError as error:
        message = str(error).removeprefix(f"{weights.name}: ")
        raise WeightsError(f"{weights.name}: {message}") from None
    finally:
        for temporary in (file, unpacked):
            temporary.unlink(missing_ok=True)


def keep(weights: Weights, data: bytes, source: str) -> None:
    """Install a converted checkpoint; lock it and its `source` sum, unless its paper pins it.

    Raises:
        WeightsError: These are not the bytes that are pinned, or the disk is full.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    pin = get_pin(weights)
    if pin and pin.sha256 != sha256:
        raise WeightsError(
            f"{weights.name}: {weights.url} becomes sha256 {sha256}, {pin.where} pins {pin.sha256}"
        )
    try:
        weights.path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(weights.path) as temporary:
            temporary.write_bytes(data)
            if not pin:
                lock = {"revision": source, "sha256": sha256}
                write_lock(lockfile_path(), lock_key(weights), lock)
    except OSError as error:
        raise WeightsError(f"{weights.name}: {weights.path} cannot be written: {error}") from None


def _sum(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"


def _unpack(archive: Path, member: str, to: Path, max_bytes: int) -> None:
    """Write one file of a zip to `to`: its checksum holds, and its size is the announced one."""
    try:
        with zipfile.ZipFile(archive) as file:
            info = _member(file, member)
            free = endpoint.free_space(to.parent)
            if info.file_size > min(max_bytes, free):
                raise WeightsError(
                    f"{info.filename} in the zip has {info.file_size} bytes; "
                    f"at most {max_bytes} are expected, and {free} are free"
                )
            with file.open(info) as source, to.open("wb") as target:
                shutil.copyfileobj(source, target)
                os.fsync(target.fileno())
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise WeightsError(f"the zip is damaged: {error or type(error).__name__}") from None
    except OSError as error:
        raise WeightsError(f"the zip cannot be unpacked in {to.parent}: {error}") from None


def _member(file: zipfile.ZipFile, member: str) -> zipfile.ZipInfo:
    """Return the entry that weights name, or the only one."""
    entries = {info.filename: info for info in file.infolist()}
    if member:
        if member not in entries:
            raise WeightsError(f"the zip has no {member}")
        return entries[member]
    if len(file.infolist()) != 1:
        names = ", ".join(sorted(entries)[:6])
        raise WeightsError(f"the zip should hold one checkpoint, and holds {names or 'nothing'}")
    (info,) = file.infolist()
    if PurePosixPath(info.filename).name != info.filename or "\\" in info.orig_filename:
        raise WeightsError(f"the zip should hold one file without a folder, not {info.filename!r}")
    return info
