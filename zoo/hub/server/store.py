"""Repositories and their contents in a folder: each file is there whole or not at all.

ROOT/blobs/SHA256    ROOT/repos/models--OWNER--NAME.json    ROOT/xorbs, ROOT/files: see xet_store.py
"""

import hashlib
import logging
import os
import re
import secrets
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec
from filelock import FileLock, Timeout

from zoo._io import atomic_write
from zoo.hub.server.http import HttpError

NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?")
COMMIT = re.compile(r"[0-9a-f]{40}")
LARGE = 10_000_000  # bytes from which git does not hold a file
BINARY = re.compile(
    r".+\.(7z|arrow|bin|bz2|ckpt|ftz|gz|h5|joblib|lz4|mlmodel|model|msgpack|npy|npz|onnx|ot|parquet"
    r"|pb|pickle|pkl|pt|pth|rar|safetensors|tar|tflite|tgz|wasm|xz|zip|zst"
    r"|png|jpg|jpeg|webp|gif|mp4|wav|flac|mp3)",
    re.IGNORECASE,
)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class User:
    """Who a token stands for."""

    name: str
    role: str = "write"  # or read
    orgs: tuple[str, ...] = ()  # "*": all organizations

    def owns(self, repo: str) -> bool:
        return bool({repo.partition("/")[0], "*"} & {self.name, *self.orgs})


@dataclass(frozen=True)
class File:
    """Contents of a file."""

    sha256: str
    size: int
    oid: str  # git's name of what git would hold: the bytes, or a pointer to them
    lfs: bool  # too large for git, or binary


@dataclass(frozen=True)
class Commit:
    """A tree, and where it came from."""

    name: str
    parent: str  # empty for the first
    title: str
    message: str
    author: str
    date: str
    files: dict[str, File]


@dataclass
class Repo:
    """A repository; its dictionaries are replaced, never changed, so that readers need no lock."""

    kind: str  # model, dataset or space
    name: str
    created: str
    private: bool = False
    gated: str = ""  # auto or manual
    readers: list[str] = field(default_factory=list)  # of a gated one, besides the owner
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)  # to names of commits
    tags: dict[str, str] = field(default_factory=dict)

    def is_visible_to(self, user: User | None) -> bool:
        return not self.private or bool(user and user.owns(self.name))

    @property
    def path(self) -> str:
        """The path of its page: models have no prefix."""
        return f"/{self.name}" if self.kind == "model" else f"/{self.kind}s/{self.name}"

    def at(self, revision: str) -> Commit:
        """Return the commit of this name, or that a branch or tag stands for."""
        short = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
        references = {**self.tags, **self.branches}
        name = revision if revision in self.commits else references.get(short, "")
        if name not in self.commits:
            raise HttpError(404, f"{self.name} has no revision {revision}", "RevisionNotFound")
        return self.commits[name]

    def history(self, commit: Commit) -> Iterator[Commit]:
        """Yield a commit and its ancestors."""
        yield commit
        while commit.parent:
            commit = self.commits[commit.parent]
            yield commit


class Source(Protocol):
    """Repositories that nobody can push to."""

    def repos(self) -> dict[tuple[str, str], Repo]: ...
    def path(self, sha256: str) -> Path | None: ...


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def git_oid(content: bytes) -> str:
    """Return git's name of a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def pointer(sha256: str, size: int) -> bytes:
    """Return what git holds in place of a large file."""
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"
    return text.encode()


def is_large(path: str, size: int, sample: bytes) -> bool:
    """True if git would not hold the file: it is long, or not text."""
    return size >= LARGE or b"\0" in sample or BINARY.fullmatch(path) is not None


def read_records(folder: Path, kind: Any) -> dict[str, Any]:
    """Return the JSON records of a folder by name; broken ones are logged and left out."""
    records = {}
    for path in sorted(folder.glob("*.json")):
        try:
            records[path.stem] = msgspec.json.decode(path.read_bytes(), type=kind)
        except (OSError, msgspec.DecodeError, UnicodeError, RecursionError) as error:
            log.warning("skipped: %s is no record of %s: %s", path, kind.__name__, error)
    return records


class Store:
    """All repositories: those in a folder of its own, and those of `source`."""

    def __init__(
        self, root: Path, users: dict[str, User] | None = None, source: Source | None = None
    ) -> None:
        self.root, self.users, self.source = root, users or {}, source
        self.lock = threading.RLock()
        records = read_records(root / "repos", Repo).values()
        self.own: dict[tuple[str, str], Repo] = {(repo.kind, repo.name): repo for repo in records}

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only process that writes. Raises ValueError if there is another."""
        self.root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.root / "lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise ValueError(f"another server writes to {self.root}; stop that first") from None
        try:
            yield
        finally:
            lock.release()

    def repos(self) -> dict[tuple[str, str], Repo]:
        """Return all by kind and name; a folder of the source hides nothing that was pushed."""
        return {**(self.source.repos() if self.source else {}), **self.own}

    def is_own(self, repo: Repo) -> bool:
        return (repo.kind, repo.name) in self.own

    def path(self, sha256: str) -> Path | None:
        """Return where contents are."""
        path = self.root / "blobs" / sha256
        if path.exists():
            return path
        return self.source.path(sha256) if self.source else None

    def keep(self, pieces: Iterable[bytes], sha256: str = "") -> str:
        """Write contents; return their sha256. Raises HttpError if another was announced."""
        digest = hashlib.sha256()
        (self.root / "blobs").mkdir(parents=True, exist_ok=True)
        part = self.root / "blobs" / f".{secrets.token_hex(8)}.part"
        try:
            with part.open("xb") as file:
                for piece in pieces:
                    digest.update(piece)
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            if sha256 not in ("", digest.hexdigest()):
                message = f"sha256 {digest.hexdigest()} arrived, {sha256} was announced"
                raise HttpError(400, message)
            part.replace(self.root / "blobs" / digest.hexdigest())
        finally:
            part.unlink(missing_ok=True)
        return digest.hexdigest()

    def save(self, repo: Repo, **changes: Any) -> None:
        """Change a repository, on disk first."""
        with self.lock:
            path = self._record(repo.kind, repo.name)
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(path, msgspec.json.encode(replace(repo, **changes)))
            for name, value in changes.items():
                setattr(repo, name, value)
            self.own[repo.kind, repo.name] = repo

    def remove(self, repo: Repo) -> None:
        """Forget a repository; its contents stay, as others may have them too."""
        with self.lock:
            if self.own.pop((repo.kind, repo.name), None):
                self._record(repo.kind, repo.name).unlink()

    def _record(self, kind: str, name: str) -> Path:
        return self.root / "repos" / f"{kind}s--{name.replace('/', '--')}.json"

    def create(self, kind: str, name: str, *, private: bool = False, gated: str = "") -> Repo:
        """Return a new repository, with one commit that holds nothing."""
        if not all(NAME.fullmatch(p) and "--" not in p and ".." not in p for p in name.split("/")):
            raise HttpError(400, f"{name!r} is no name of a repository")
        with self.lock:
            if (kind, name) in self.repos():
                raise HttpError(409, f"{name} exists already")
            if (record := self._record(kind, name)).exists():
                raise HttpError(409, f"the record of {name} is broken; mend {record.name} first")
            repo = Repo(kind, name, now(), private, gated)
            self.commit(repo, "main", {}, title="initial commit", author=name.partition("/")[0])
        return repo

    def commit(
        self,
        repo: Repo,
        branch: str,
        files: dict[str, File],
        *,
        title: str,
        author: str,
        message: str = "",
    ) -> Commit:
        """Put a new tree on a branch; return its commit, or the one that has this tree already."""
        with self.lock:
            parent = repo.branches.get(branch, "")
            if parent and repo.commits[parent].files == files:
                return repo.commits[parent]
            commit = Commit("", parent, title, message, author, now(), files)
            content = msgspec.json.encode([repo.name, asdict(commit)], order="sorted")
            commit = replace(commit, name=hashlib.sha1(content).hexdigest())
            commits = {**repo.commits, commit.name: commit}
            self.save(repo, commits=commits, branches={**repo.branches, branch: commit.name})
        return commit
