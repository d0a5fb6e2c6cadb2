"""Repositories and their contents in a folder: written whole or not at all, one writer at a time.

ROOT/blobs/SHA256    ROOT/repos/models--OWNER--NAME.json    ROOT/xorbs, ROOT/files: see xet.py
"""

import hashlib
import json
import os
import re
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from zoo.hub.server.http import HttpError

KINDS = ("model", "dataset", "space")
NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?")
LARGE = 10_000_000
BINARY = re.compile(
    r".+\.(7z|arrow|bin|bz2|ckpt|ftz|gz|h5|joblib|lz4|mlmodel|model|msgpack|npy|npz|onnx|ot|parquet"
    r"|pb|pickle|pkl|pt|pth|rar|safetensors|tar|tflite|tgz|wasm|xz|zip|zst"
    r"|png|jpg|jpeg|webp|gif|mp4|wav|flac|mp3)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class User:
    """Who a token stands for; "*" among the organisations: all of them."""

    name: str
    role: str = "write"
    orgs: tuple[str, ...] = ()

    def owns(self, repo: str) -> bool:
        return bool({repo.partition("/")[0], "*"} & {self.name, *self.orgs})


@dataclass(frozen=True)
class File:
    """Contents by sha256; `oid` is git's name of what git would hold: the bytes, or a pointer."""

    sha256: str
    size: int
    oid: str
    lfs: bool


@dataclass(frozen=True)
class Commit:
    """A tree, and where it came from."""

    name: str
    parent: str
    title: str
    message: str
    author: str
    date: str
    files: dict[str, File]


@dataclass
class Repo:
    """Its dictionaries are replaced, never changed, so that readers need no lock."""

    kind: str
    name: str
    created: str
    private: bool = False
    gated: str = ""
    readers: list[str] = field(default_factory=list)  # of a gated one, besides the owner
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def shown_to(self, user: User | None) -> bool:
        """Whether this user may know of it."""
        return not self.private or bool(user and user.owns(self.name))

    @property
    def prefix(self) -> str:
        return "" if self.kind == "model" else f"{self.kind}s/"

    def at(self, revision: str) -> Commit:
        """The commit that a branch, a tag or its own name stands for."""
        short = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
        name = {**self.tags, **self.branches}.get(short, revision)
        if name not in self.commits:
            raise HttpError(404, f"{self.name} has no revision {revision}", "RevisionNotFound")
        return self.commits[name]

    def history(self, commit: Commit) -> Iterator[Commit]:
        """From a commit back to the first."""
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
    """git's name of a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def pointer(sha256: str, size: int) -> bytes:
    """What git holds in place of a large file."""
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"
    return text.encode()


def folders_of(files: dict[str, File]) -> set[str]:
    """All folders that paths lie in."""
    return {path.rsplit("/", depth)[0] for path in files for depth in range(1, path.count("/") + 1)}


def is_large(path: str, size: int, sample: bytes) -> bool:
    """Whether git would not hold it: long, or no text."""
    return size >= LARGE or b"\0" in sample or BINARY.fullmatch(path) is not None


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A file to write, which takes its name when all of it is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    os.close(handle)
    try:
        yield Path(name)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


class Store:
    """All repositories, of its own folder and of `sources`."""

    def __init__(
        self, root: Path, users: dict[str, User] | None = None, source: Source | None = None
    ) -> None:
        self.root, self.users, self.source = root, users or {}, source
        self.lock = threading.RLock()
        self.own = {
            (repo.kind, repo.name): repo
            for path in sorted((root / "repos").glob("*.json"))
            for repo in [read_repo(path)]
        }

    def repos(self) -> dict[tuple[str, str], Repo]:
        """By kind and name; a folder of the source hides nothing that was pushed."""
        return {**(self.source.repos() if self.source else {}), **self.own}

    def is_own(self, repo: Repo) -> bool:
        return (repo.kind, repo.name) in self.own

    def path(self, sha256: str) -> Path | None:
        """Where contents are."""
        path = self.root / "blobs" / sha256
        if path.exists():
            return path
        return self.source.path(sha256) if self.source else None

    def keep(self, pieces: Iterable[bytes], sha256: str = "") -> str:
        """Contents, under their sum; an error if another sum was announced."""
        digest = hashlib.sha256()
        (self.root / "blobs").mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.root / "blobs", prefix=".part-")
        try:
            with os.fdopen(handle, "wb") as file:
                for piece in pieces:
                    digest.update(piece)
                    file.write(piece)
            found = digest.hexdigest()
            if sha256 not in ("", found):
                raise HttpError(400, f"sha256 {found} arrived, {sha256} was announced")
            Path(name).replace(self.root / "blobs" / found)
        finally:
            Path(name).unlink(missing_ok=True)
        return found

    def save(self, repo: Repo, **changes: Any) -> None:
        """Changes a repository, first on disk."""
        with self.lock:
            with whole(self.record(repo)) as part:
                text = json.dumps(asdict(replace(repo, **changes)))
                part.write_text(text, encoding="utf-8")
            for name, value in changes.items():
                setattr(repo, name, value)
            self.own[repo.kind, repo.name] = repo

    def remove(self, repo: Repo) -> None:
        """Forgets a repository; its contents stay, others may have them too."""
        with self.lock:
            del self.own[repo.kind, repo.name]
            self.record(repo).unlink()

    def record(self, repo: Repo) -> Path:
        return self.root / "repos" / f"{repo.kind}s--{repo.name.replace('/', '--')}.json"

    def create(self, kind: str, name: str, **facts: bool | str) -> Repo:
        """A repository with one commit that holds nothing."""
        if not all(NAME.fullmatch(p) and "--" not in p and ".." not in p for p in name.split("/")):
            raise HttpError(400, f"{name!r} is no name of a repository")
        with self.lock:
            if (kind, name) in self.repos():
                raise HttpError(409, f"{name} exists already")
            repo = Repo(kind, name, now(), **facts)  # type: ignore[arg-type]
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
        """A new tree on a branch; no commit if it is the tree that is there."""
        with self.lock:
            parent = repo.branches.get(branch, "")
            if parent and repo.commits[parent].files == files:
                return repo.commits[parent]
            made = Commit("", parent, title, message, author, now(), files)
            text = json.dumps([repo.name, asdict(made)], sort_keys=True)
            made = replace(made, name=hashlib.sha1(text.encode()).hexdigest())
            commits = {**repo.commits, made.name: made}
            self.save(repo, commits=commits, branches={**repo.branches, branch: made.name})
        return made


def read_repo(path: Path) -> Repo:
    """What `save` wrote."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        commits = {
            name: Commit(**{**facts, "files": {k: File(**f) for k, f in facts["files"].items()}})
            for name, facts in raw.pop("commits").items()
        }
        return Repo(**raw, commits=commits)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path} is no record of a repository: {error}") from None
