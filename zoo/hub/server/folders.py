"""Folders as repositories that nobody can push to: plain ones, and huggingface_hub's cache.

    DIR/OWNER/NAME/files                 a model, of one commit named by a sum of its contents
    DIR/datasets/OWNER/NAME/files        a data set
    DIR/models--OWNER--NAME/snapshots/COMMIT/files, refs/main          as huggingface_hub keeps them

What a link leads to outside DIR is not served, nor are .git and .cache folders.
"""

import hashlib
import os
import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from zoo.hub.server.http import PIECE
from zoo.hub.server.store import Commit, File, Repo, git_oid, is_large, pointer

HIDDEN = {".git", ".cache"}
NO_OWNER = {"blobs", "datasets"}  # of the cache, and of this layout
CACHED = re.compile(r"(model|dataset|space)s--(.+)")
COMMIT = re.compile(r"[0-9a-f]{40}")
FRESH = 1.0  # seconds in which the folder is not looked at again


class Seen(NamedTuple):
    """A file as it was when it was summed."""

    size: int
    changed: int
    file: File


class Folders:
    """The repositories under a folder; sums are kept until a file changes."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.lock = threading.Lock()
        self.seen: dict[Path, Seen] = {}
        self.paths: dict[str, Path] = {}
        self.found: dict[tuple[str, str], Repo] = {}
        self.looked = 0.0

    def path(self, sha256: str) -> Path | None:
        return self.paths.get(sha256)

    def repos(self) -> dict[tuple[str, str], Repo]:
        """All of them, as they are now."""
        with self.lock:
            if time.monotonic() - self.looked > FRESH:
                made = [self.cached(*one) for one in self.caches()]
                made += [self.plain(*one) for one in self.plains()]
                self.found = {(repo.kind, repo.name): repo for repo in made if repo.commits}
                self.looked = time.monotonic()
            return self.found

    def caches(self) -> Iterator[tuple[str, str, Path]]:
        for path in self.inside(self.root):
            if match := CACHED.fullmatch(path.name):
                yield match[1], match[2].replace("--", "/"), path

    def plains(self) -> Iterator[tuple[str, str, Path]]:
        for kind, top in (("model", self.root), ("dataset", self.root / "datasets")):
            owners = [path for path in self.inside(top) if path.name not in NO_OWNER]
            for owner in owners:
                named = [] if CACHED.fullmatch(owner.name) else self.inside(owner)
                yield from ((kind, f"{owner.name}/{path.name}", path) for path in named)

    def inside(self, folder: Path) -> list[Path]:
        """The folders in a folder that are not hidden, as .ssh is, and do not lead out of it."""
        if not folder.is_dir():
            return []
        return sorted(
            path
            for path in folder.iterdir()
            if not path.name.startswith(".")
            and path.is_dir()
            and path.resolve().is_relative_to(self.root)
        )

    def cached(self, kind: str, name: str, folder: Path) -> Repo:
        """A repository of huggingface_hub's cache: its commits, its branches and tags."""
        found = [p for p in self.inside(folder / "snapshots") if COMMIT.fullmatch(p.name)]
        commits = {path.name: self.commit(path, path.name) for path in found}
        names = [path for path in (folder / "refs").rglob("*") if path.is_file()]
        refs = {p.relative_to(folder / "refs").as_posix(): p.read_text().strip() for p in names}
        branches = {ref: commit for ref, commit in refs.items() if commit in commits}
        created = min((commit.date for commit in commits.values()), default="")
        return Repo(kind, name, created, commits=commits, branches=branches)

    def plain(self, kind: str, name: str, folder: Path) -> Repo:
        """A folder of files, as the branch main with one commit."""
        commit = self.commit(folder)
        if not commit.files:
            return Repo(kind, name, "")
        made = {"commits": {commit.name: commit}, "branches": {"main": commit.name}}
        return Repo(kind, name, commit.date, **made)  # type: ignore[arg-type]

    def commit(self, folder: Path, name: str = "") -> Commit:
        """The files of a folder, named by a sum of them unless a name is known."""
        paths = {path.relative_to(folder).as_posix(): path for path in files_of(folder)}
        inside = {key: path.resolve() for key, path in sorted(paths.items())}
        inside = {k: path for k, path in inside.items() if path.is_relative_to(self.root)}
        files = {key: self.summed(key, path) for key, path in inside.items()}
        text = "".join(f"{file.sha256} {key}\n" for key, file in files.items())
        when = max((path.stat().st_mtime for path in inside.values()), default=0)
        date = datetime.fromtimestamp(when, UTC).isoformat(timespec="milliseconds")
        name = name or hashlib.sha1(text.encode()).hexdigest()
        return Commit(name, "", "files", "", "", date.replace("+00:00", "Z"), files)

    def summed(self, key: str, path: Path) -> File:
        """What is in a file; read only if it has changed."""
        now = path.stat()
        seen = self.seen.get(path)
        if seen is None or (seen.size, seen.changed) != (now.st_size, now.st_mtime_ns):
            seen = Seen(now.st_size, now.st_mtime_ns, read(key, path, now.st_size))
            self.seen[path] = seen
        self.paths[seen.file.sha256] = path
        return seen.file


def files_of(folder: Path) -> Iterator[Path]:
    """Regular files, and links to some; folders that are links are passed by."""
    for top, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in HIDDEN]
        yield from (path for name in names if (path := Path(top, name)).is_file())


def read(key: str, path: Path, size: int) -> File:
    """A file by its sums."""
    sha256, sha1 = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size)
    with path.open("rb") as file:
        sample = file.read(512)
        file.seek(0)
        while piece := file.read(PIECE):
            sha256.update(piece)
            sha1.update(piece)
    large, found = is_large(key, size, sample), sha256.hexdigest()
    return File(found, size, git_oid(pointer(found, size)) if large else sha1.hexdigest(), large)
