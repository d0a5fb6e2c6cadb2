"""The zoo's Hub on loopback for tests: what is there is set in memory, and it can be made to fail.

push -> repos -> zoo.hub.server -> faults -> the client
"""

import gzip
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha1
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from zoo.hub import server
from zoo.hub.server import Repo
from zoo.hub.server.store import Commit, File, git_oid, is_large, now, pointer

Files = dict[str, bytes]
TOKENS = {
    "hf_alice": server.User("alice", orgs=("zoo",)),
    "hf_reader": server.User("alice", role="read"),
    "hf_bob": server.User("bob"),
    "hf_carol": server.User("carol"),
}


@dataclass
class Reply:
    """A response that a fault may change."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    length: int = 0  # as announced
    pieces: Iterable[bytes] = ()

    async def send(self, request: Request, send: Any) -> None:
        """Send it; a body that ends before its length ends the connection."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        headers["content-length"] = str(self.length)
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": raw})
        left = self.length if request.method != "HEAD" else 0
        for piece in self.pieces:
            left -= len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "more_body": left > 0})


Fault = Callable[[Request, Reply], Reply]


@dataclass
class Hub:
    """A Hub whose repositories are set in memory, and which can be made to fail."""

    folder: Path  # of its store
    url: str = ""
    repos: dict[str, dict[str, Files]] = field(default_factory=dict)  # {name: {commit: files}};
    # a data set is "datasets/owner/name"
    errors: dict[str, tuple[int, str]] = field(default_factory=dict)  # status, X-Error-Code
    cut: set[str] = field(default_factory=set)  # repositories whose downloads stop in mid-file
    faults: list[Fault] = field(default_factory=list)  # each may change any reply
    requests: list[str] = field(default_factory=list)  # "GET /path"
    seen: list[tuple[str, str, str]] = field(default_factory=list)  # host, path, Authorization
    known: dict[tuple[str, int], tuple[bytes, File]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.app = server.HubApp(server.Store(self.folder, TOKENS, Pushed(self)))

    def push(self, repo: str, files: Files) -> str:
        """A new commit; returns its name."""
        commits = self.repos.setdefault(repo, {})
        commit = sha1(f"{repo} {len(commits)}".encode()).hexdigest()
        commits[commit] = files
        return commit

    def file(self, path: str, content: bytes) -> File:
        """Contents as the Hub knows them, kept once."""
        key = (path, id(content))
        if key not in self.known:
            digest, size = self.app.store.keep([content]), len(content)
            large = is_large(path, size, content[:512])
            oid = git_oid(pointer(digest, size) if large else content)
            self.known[key] = content, File(digest, size, oid, large)
        return self.known[key][1]

    def host_downloads_elsewhere(self) -> None:
        """Large files come from localhost, which is another host than 127.0.0.1."""
        self.app.downloads = self.url.replace("127.0.0.1", "localhost")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer as the zoo's Hub does, with the faults that the test wants."""
        request = Request(scope)
        path, host = request.url.path, request.headers["Host"].partition(":")[0]
        self.requests.append(f"{request.method} {path}")
        self.seen.append((host, path, request.headers.get("Authorization", "")))
        match = re.match(r"/([^/]+/[^/]+)/resolve/", path)
        if match and match[1] in self.errors:
            status, code = self.errors[match[1]]
            reply = Reply(status, {"X-Error-Code": code} if code else {})
        else:
            reply = await self.answer(scope, receive)
            if self.is_cut(path):
                reply = shortened(reply, reply.length // 2)
            for fault in self.faults:
                reply = await run_in_threadpool(fault, request, reply)
        await reply.send(request, send)

    async def answer(self, scope: Any, receive: Any) -> Reply:
        """Return what the zoo's Hub answers."""
        reply, pieces = Reply(), []

        async def collect(message: Any) -> None:
            if message["type"] == "http.response.start":
                reply.status = message["status"]
                reply.headers = {k.decode(): v.decode("latin-1") for k, v in message["headers"]}
            elif scope["method"] != "HEAD":
                pieces.append(message.get("body", b""))

        await self.app(scope, receive, collect)
        return replace(reply, length=int(reply.headers["content-length"]), pieces=pieces)

    def is_cut(self, path: str) -> bool:
        """Whether the path is a file, or the contents of one, of a repository in `cut`."""
        trees = [tree for repo in self.cut for tree in self.repos[repo].values()]
        sums = [self.file(key, content).sha256 for tree in trees for key, content in tree.items()]
        names = [f"/{repo}/resolve/" for repo in self.cut]
        return any(part in path for part in sums + names)


@dataclass
class Pushed:
    """What tests pushed in memory, as a source of the Hub's store."""

    hub: Hub

    def path(self, digest: str) -> Path | None:
        return None

    def repos(self) -> dict[tuple[str, str], Repo]:
        repos = [self.repo(name) for name in self.hub.repos]
        return {(repo.kind, repo.name): repo for repo in repos}

    def repo(self, name: str) -> Repo:
        commits = {
            commit: Commit(
                commit, "", "", "", "", now(), {k: self.hub.file(k, c) for k, c in files.items()}
            )
            for commit, files in self.hub.repos[name].items()
        }
        branches = {"main": list(commits)[-1]} if commits else {}
        kind = "dataset" if name.startswith("datasets/") else "model"
        plain = name.removeprefix("datasets/")
        return Repo(kind, plain, now(), commits=commits, branches=branches)


def is_content(request: Request, reply: Reply) -> bool:
    """Whether a reply carries bytes of a file."""
    match = re.search("/resolve/|^/cdn/|^/xorbs/", request.url.path)
    return bool(match) and request.method == "GET" and reply.status in (200, 206)


def shortened(reply: Reply, length: int) -> Reply:
    """The announced length stays; the connection ends before it."""
    return replace(reply, pieces=taken(reply.pieces, length))


def taken(pieces: Iterable[bytes], length: int) -> Iterator[bytes]:
    for piece in pieces:
        yield piece[:length]
        length -= len(piece)
        if length <= 0:
            return


def cut_after(length: int, times: int = 1, path: str = "") -> Fault:
    """The first `times` downloads that are longer stop after so many bytes."""
    left = [times]

    def fault(request: Request, reply: Reply) -> Reply:
        if not (left[0] and is_content(request, reply) and path in request.url.path):
            return reply
        if reply.length <= length:
            return reply
        left[0] -= 1
        return shortened(reply, length)

    return fault


def unavailable(times: int, method: str = "HEAD", status: int = 503) -> Fault:
    """So many requests fail, then all is well."""
    left = [times]

    def fault(request: Request, reply: Reply) -> Reply:
        if request.method != method or not left[0]:
            return reply
        left[0] -= 1
        return Reply(status)

    return fault


def tampered(request: Request, reply: Reply) -> Reply:
    """Other bytes, as many."""
    if not is_content(request, reply):
        return reply
    return replace(reply, pieces=(bytes(b ^ 1 for b in piece) for piece in reply.pieces))


def with_header(name: str, value: str) -> Fault:
    """Every answer about a file has this header: an ETag, say, or an X-Repo-Commit."""

    def fault(request: Request, reply: Reply) -> Reply:
        if "/resolve/" not in request.url.path or reply.status >= 400:
            return reply
        return replace(reply, headers={**reply.headers, name: value})

    return fault


def slow(seconds: float) -> Fault:
    """Every answer takes so long."""

    def fault(request: Request, reply: Reply) -> Reply:
        time.sleep(seconds)
        return reply

    return fault


def bomb(size: int) -> Fault:
    """Downloads are so many zeros, compressed, whatever was announced."""
    packed = gzip.compress(bytes(size), 9)

    def fault(request: Request, reply: Reply) -> Reply:
        if not is_content(request, reply):
            return reply
        headers = {**reply.headers, "Content-Encoding": "gzip"}
        return Reply(200, headers, len(packed), (packed,))

    return fault


@contextmanager
def serving() -> Iterator[Hub]:
    """An empty Hub on a free port, until the block ends."""
    with tempfile.TemporaryDirectory() as folder:
        hub = Hub(Path(folder))
        with server.serving(hub) as hub.url:
            yield hub
