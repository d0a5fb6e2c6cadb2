"""A Hub on loopback: the part of huggingface.co that hf_hub_download talks to, and nothing more.

HEAD, GET /OWNER/NAME/resolve/REVISION/FILE -> X-Repo-Commit, ETag, Content-Length, the bytes
"""

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Files = dict[str, bytes]


@dataclass
class Hub:
    """Repositories by name, each {commit: files}, the last commit being main; and what to refuse:
    `errors` {repository: (status, X-Error-Code)}; a repository in `cut` stops in mid-file."""

    url: str = ""
    repos: dict[str, dict[str, Files]] = field(default_factory=dict)
    errors: dict[str, tuple[int, str]] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)
    requests: list[str] = field(default_factory=list)

    def push(self, repo: str, files: Files) -> str:
        """A new commit; returns its name."""
        commits = self.repos.setdefault(repo, {})
        commit = hashlib.sha1(f"{repo} {len(commits)}".encode()).hexdigest()
        commits[commit] = files
        return commit

    def find(self, repo: str, revision: str, file: str) -> tuple[int, str, str, bytes]:
        """(status, X-Error-Code, commit, bytes) as huggingface.co answers an anonymous client."""
        if repo in self.errors:
            return *self.errors[repo], "", b""
        if repo not in self.repos:
            return 401, "RepoNotFound", "", b""
        commits = self.repos[repo]
        commit = list(commits)[-1] if revision == "main" else revision
        if commit not in commits:
            return 404, "RevisionNotFound", "", b""
        if file not in commits[commit]:
            return 404, "EntryNotFound", commit, b""
        return 200, "", commit, commits[commit][file]


class Handler(BaseHTTPRequestHandler):
    """One request to `server.hub`."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        hub: Hub = self.server.hub  # type: ignore[attr-defined]
        hub.requests.append(f"{self.command} {self.path}")
        match = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self.path)
        repo, revision, file = match.groups() if match else ("", "", "")
        status, code, commit, body = hub.find(repo, revision, file)
        self.send_response(status)
        headers = {"X-Error-Code": code, "X-Repo-Commit": commit}
        if status == 200:
            headers["ETag"] = f'"{hashlib.sha256(body).hexdigest()}"'
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        if repo in hub.cut:
            self.send_header("Connection", "close")
            body = body[: len(body) // 2]
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: tests read `Hub.requests`."""


@contextmanager
def serving() -> Iterator[Hub]:
    """An empty Hub on a free port, until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.hub = Hub(f"http://127.0.0.1:{server.server_port}")  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.hub  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
