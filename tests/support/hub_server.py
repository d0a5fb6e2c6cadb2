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

from zoo.hub import server
from zoo.hub.server import Repo, Request, Response
from zoo.hub.server.store import Commit, File, git_oid, is_large, now, pointer

Files = dict[str, bytes]
Fault = Callable[[Request, Response], Response]
TOKENS = {
    "hf_alice": server.User("alice", orgs=("zoo",)),
    "hf_reader": server.User("alice", role="read"),
    "hf_bob": server.User("bob"),
    "hf_carol": server.User("carol"),
}


@dataclass
class Hub:
    """Repositories by name, each {commit: files}, the last commit being main; and what to refuse:
    `errors` {repository: (status, X-Error-Code)}; a repository in `cut` stops in mid-file; and
    `faults`, each of which is shown every request with its reply. What clients push is in
    `mirror.store`; `seen` has the Authorization of every request by its host."""

    folder: Path
    url: str = ""
    repos: dict[str, dict[str, Files]] = field(default_factory=dict)
    errors: dict[str, tuple[int, str]] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    seen: list[tuple[str, str, str]] = field(default_factory=list)
    known: dict[tuple[str, int], tuple[bytes, File]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.mirror = server.HubApp(server.Store(self.folder, TOKENS, Pushed(self)))

    def push(self, repo: str, files: Files) -> str:
        """A new commit; returns its name."""
        commits = self.repos.setdefault(repo, {})
        commit = sha1(f"{repo} {len(commits)}".encode()).hexdigest()
        commits[commit] = files
        return commit

    def file(self, path: str, content: bytes) -> File:
        """Contents as the mirror knows them, kept once."""
        key = (path, id(content))
        if key not in self.known:
            digest, size = self.mirror.store.keep([content]), len(content)
            large = is_large(path, size, content[:512])
            oid = git_oid(pointer(digest, size) if large else content)
            self.known[key] = content, File(digest, size, oid, large)
        return self.known[key][1]

    def host_downloads_elsewhere(self) -> None:
        """Large files come from localhost, which is another host than 127.0.0.1."""
        self.mirror.downloads = self.url.replace("127.0.0.1", "localhost")

    def respond(self, request: Request) -> Response:
        """What the mirror says, spoilt as the test wants it."""
        self.requests.append(f"{request.method} {request.path}")
        host, authorization = request.headers["Host"], request.headers.get("Authorization", "")
        self.seen.append((host.partition(":")[0], request.path, authorization))
        match = re.match(r"/([^/]+/[^/]+)/resolve/", request.path)
        if match and match[1] in self.errors:
            status, code = self.errors[match[1]]
            return Response(status, {"X-Error-Code": code} if code else {})
        reply = self.mirror.answer(request)
        if self.is_cut(request.path):
            reply = shortened(reply, reply.length // 2)
        for fault in self.faults:
            reply = fault(request, reply)
        return reply

    def is_cut(self, path: str) -> bool:
        """Whether the path is a file, or the contents of one, of a repository in `cut`."""
        trees = [tree for repo in self.cut for tree in self.repos[repo].values()]
        sums = [self.file(key, content).sha256 for tree in trees for key, content in tree.items()]
        names = [f"/{repo}/resolve/" for repo in self.cut]
        return any(part in path for part in sums + names)


@dataclass
class Pushed:
    """What tests pushed in memory, as a source of the mirror."""

    hub: Hub

    def path(self, digest: str) -> Path | None:
        return None

    def repos(self) -> dict[tuple[str, str], Repo]:
        return {("model", name): self.repo(name) for name in self.hub.repos}

    def repo(self, name: str) -> Repo:
        commits = {
            commit: Commit(
                commit, "", "", "", "", now(), {k: self.hub.file(k, c) for k, c in files.items()}
            )
            for commit, files in self.hub.repos[name].items()
        }
        branches = {"main": list(commits)[-1]} if commits else {}
        return Repo("model", name, now(), commits=commits, branches=branches)


def is_content(request: Request, reply: Response) -> bool:
    """Whether a reply carries bytes of a file."""
    found = re.search("/resolve/|^/cdn/|^/xorbs/", request.path)
    return bool(found) and request.method == "GET" and reply.status in (200, 206)


def shortened(reply: Response, length: int) -> Response:
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

    def fault(request: Request, reply: Response) -> Response:
        if not (left[0] and is_content(request, reply) and path in request.path):
            return reply
        if reply.length <= length:
            return reply
        left[0] -= 1
        return shortened(reply, length)

    return fault


def unavailable(times: int, method: str = "HEAD", status: int = 503) -> Fault:
    """So many requests fail, then all is well."""
    left = [times]

    def fault(request: Request, reply: Response) -> Response:
        if request.method != method or not left[0]:
            return reply
        left[0] -= 1
        return Response(status)

    return fault


def tampered(request: Request, reply: Response) -> Response:
    """Other bytes, as many."""
    if not is_content(request, reply):
        return reply
    return replace(reply, pieces=(bytes(b ^ 1 for b in piece) for piece in reply.pieces))


def with_header(name: str, value: str) -> Fault:
    """Every answer about a file has this header: an ETag, say, or an X-Repo-Commit."""

    def fault(request: Request, reply: Response) -> Response:
        if "/resolve/" not in request.path or reply.status >= 400:
            return reply
        return replace(reply, headers={**reply.headers, name: value})

    return fault


def slow(seconds: float) -> Fault:
    """Every answer takes so long."""

    def fault(request: Request, reply: Response) -> Response:
        time.sleep(seconds)
        return reply

    return fault


def bomb(size: int) -> Fault:
    """Downloads are so many zeros, compressed, whatever was announced."""
    packed = gzip.compress(bytes(size), 9)

    def fault(request: Request, reply: Response) -> Response:
        if not is_content(request, reply):
            return reply
        headers = {**reply.headers, "Content-Encoding": "gzip"}
        return Response(200, headers, len(packed), (packed,))

    return fault


@contextmanager
def serving() -> Iterator[Hub]:
    """An empty Hub on a free port, until the block ends."""
    with tempfile.TemporaryDirectory() as folder:
        hub = Hub(Path(folder))
        with server.serving(hub.respond) as hub.url:
            yield hub
