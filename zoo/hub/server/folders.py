"""Folders as repositories that nobody can push to: plain ones, and huggingface_hub's cache.

    DIR/OWNER/NAME/files                 a model, of one commit named by a sum of its contents
    DIR/datasets/OWNER/NAME/files        a data set
    DIR/models--OWNER--NAME/snapshots/COMMIT/files, refs/main          as huggingface_hub keeps them

What a link leads to outside DIR is not served, nor are .git and .cache folders. What cannot be read
or named is logged and left out.
"""

import hashlib
import logging
import os
import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from zoo.hub.server.http import PIECE, UNPRINTABLE
from zoo.hub.server.store import COMMIT, Commit, File, Repo, git_oid, is_large, pointer

HIDDEN = {".git", ".cache"}
NO_OWNER = {"blobs", "datasets"}  # of the cache, and of this layout
CACHED = re.compile(r"(model|dataset|space)s--(.+)")
FRESH = 1.0  # seconds in which the folder is not read again
log = logging.getLogger(__name__)


class HashedFile(NamedTuple):
    """A file as it was when it was hashed."""

    size: int
    modified: int  # ns
    file: File


class Folders:
    """The repositories under a folder; sums are kept until a file changes."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._lock = threading.Lock()
        self._hashed: dict[Path, HashedFile] = {}
        self._paths: dict[str, Path] = {}  # by sha256
        self._repos: dict[tuple[str, str], Repo] = {}
        self._skipped: set[str] = set()
        self._read_at = -FRESH

    def path(self, sha256: str) -> Path | None:
        """Return where contents are, unless a link has taken their place."""
        path = self._paths.get(sha256)
        return path if path and path.is_file() and path.resolve() == path else None

    def repos(self) -> dict[tuple[str, str], Repo]:
        """Return all repositories by kind and name, as they are now."""
        with self._lock:
            if time.monotonic() - self._read_at > FRESH:
                repos = [*self._cached_repos(), *self._plain_repos()]
                self._repos = {(repo.kind, repo.name): repo for repo in repos if repo.commits}
                commits = [c for repo in self._repos.values() for c in repo.commits.values()]
                served = {file.sha256 for commit in commits for file in commit.files.values()}
                self._paths = {k: path for k, path in self._paths.items() if k in served}
                self._read_at = time.monotonic()
            return self._repos

    def _skip(self, path: Path, reason: object) -> None:
        if repr(path) not in self._skipped:
            self._skipped.add(repr(path))
            log.warning("skipped: %s", f"{str(path)!r}: {reason}")

    def _is_inside(self, path: Path) -> bool:
        """True if a path has a printable name and leads neither out of DIR nor to what it hides."""
        try:
            target = path.resolve()
        except (OSError, RuntimeError) as error:  # links in a circle
            self._skip(path, error)
            return False
        if UNPRINTABLE.search(path.name):
            self._skip(path, "its name has characters that are not UTF-8, or control characters")
            return False
        own = target.is_relative_to(self.root / ".hub")
        return target.is_relative_to(self.root) and not own

    def _subfolders(self, folder: Path) -> list[Path]:
        """Return the folders in a folder that are not hidden, as .ssh is."""
        try:
            paths = sorted(folder.iterdir()) if folder.is_dir() else []
            folders = [p for p in paths if not p.name.startswith(".") and p.is_dir()]
        except OSError as error:
            self._skip(folder, error)
            return []
        return [path for path in folders if self._is_inside(path)]

    def _cached_repos(self) -> Iterator[Repo]:
        """Yield the repositories of huggingface_hub's cache: their commits and branches."""
        for folder in self._subfolders(self.root):
            if not (match := CACHED.fullmatch(folder.name)):
                continue
            snapshots = self._subfolders(folder / "snapshots")
            names = [path for path in snapshots if COMMIT.fullmatch(path.name)]
            commits = {path.name: self._commit(path, path.name) for path in names}
            refs = {name: commit for name, commit in self._refs(folder) if commit in commits}
            created = min((commit.date for commit in commits.values()), default="")
            kind, name = match[1], match[2].replace("--", "/")
            yield Repo(kind, name, created, commits=commits, branches=refs)

    def _refs(self, folder: Path) -> Iterator[tuple[str, str]]:
        """Yield the names in a cache's refs, and their commits."""
        for path in files_of(folder / "refs"):
            try:
                if self._is_inside(path):
                    name = path.relative_to(folder / "refs").as_posix()
                    yield name, path.read_text("ascii").strip()
            except (OSError, ValueError) as error:
                self._skip(path, error)

    def _plain_repos(self) -> Iterator[Repo]:
        """Yield folders of files, as the branch main with one commit."""
        for kind, top in (("model", self.root), ("dataset", self.root / "datasets")):
            for owner in self._subfolders(top):
                if owner.name in NO_OWNER or CACHED.fullmatch(owner.name):
                    continue
                for folder in self._subfolders(owner):
                    commit = self._commit(folder)
                    if commit.files:
                        repo = Repo(kind, f"{owner.name}/{folder.name}", commit.date)
                        repo.commits = {commit.name: commit}
                        repo.branches = {"main": commit.name}
                        yield repo

    def _commit(self, folder: Path, name: str = "") -> Commit:
        """Return the files of a folder, named by a sum of them unless a name is known."""
        files, modified = {}, 0
        for path in sorted(files_of(folder)):
            if not self._is_inside(path):
                continue
            key = path.relative_to(folder).as_posix()
            try:
                hashed = self._hash(key, path.resolve())
            except OSError as error:
                self._skip(path, error)
                continue
            files[key], modified = hashed.file, max(modified, hashed.modified)
        text = "".join(f"{file.sha256} {key}\n" for key, file in files.items())
        date = datetime.fromtimestamp(modified / 1e9, UTC).isoformat(timespec="milliseconds")
        name = name or hashlib.sha1(text.encode()).hexdigest()
        return Commit(name, "", "files", "", "", date.replace("+00:00", "Z"), files)

    def _hash(self, key: str, path: Path) -> HashedFile:
        """Return the sums of a file; it is read only if it has changed."""
        status = path.stat()
        hashed = self._hashed.get(path)
        if hashed is None or hashed[:2] != (status.st_size, status.st_mtime_ns):
            file = hash_file(key, path, status.st_size)
            hashed = self._hashed[path] = HashedFile(status.st_size, status.st_mtime_ns, file)
        self._paths[hashed.file.sha256] = path
        return hashed


def files_of(folder: Path) -> Iterator[Path]:
    """Yield regular files, and links to some; folders that are links are passed by."""
    for top, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in HIDDEN]
        yield from (path for name in names if (path := Path(top, name)).is_file())


def hash_file(key: str, path: Path, size: int) -> File:
    """Return a file by its sums."""
    sha256, sha1 = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size)
    with path.open("rb") as file:
        sample = file.read(512)
        file.seek(0)
        while piece := file.read(PIECE):
            sha256.update(piece)
            sha1.update(piece)
    large, digest = is_large(key, size, sample), sha256.hexdigest()
    oid = git_oid(pointer(digest, size)) if large else sha1.hexdigest()
    return File(digest, size, oid, large)
