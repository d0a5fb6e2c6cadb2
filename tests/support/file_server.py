"""A server of files on loopback that resumes, redirects, fails, and can be a proxy.

path -> Answer -> the client; every request is noted
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass
class Answer:
    """What a server gives at a path."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)  # beside ETag and Content-Length
    cut_after: int | None = None  # bytes after which the connection ends, the first time
    stall_after: int | None = None  # bytes after which nothing comes for a minute, the first time


@dataclass
class FileServer:
    """Files by path; a proxy has "//host/path"."""

    url: str = ""
    files: dict[str, Answer] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)  # "GET /path", "GET /path bytes=5-"
    tokens: list[str] = field(default_factory=list)  # Authorization and Cookie, where sent
    stop: threading.Event = field(default_factory=threading.Event)  # ends what stalls


class _Handler(BaseHTTPRequestHandler):
    files: FileServer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        path = f"//{parts.netloc}{parts.path}" if parts.netloc else parts.path
        asked = self.headers.get("Range", "")
        self.files.requests.append(f"{self.command} {path} {asked}".strip())
        secret = (self.headers.get(name) for name in ("Authorization", "Cookie"))
        self.files.tokens += filter(None, secret)
        answer = self.files.files.get(path, Answer(status=404))
        tag = f'"{sha256(answer.body).hexdigest()}"'
        resumes = asked and answer.status == 200 and self.headers.get("If-Range", tag) == tag
        start = int(asked.removeprefix("bytes=").rstrip("-")) if resumes else 0
        body, total = answer.body[start:], len(answer.body)
        headers = {"ETag": tag, "Content-Length": str(len(body))} | answer.headers
        if start:
            headers["Content-Range"] = f"bytes {start}-{total - 1}/{total}"
        status = 416 if start >= total > 0 else 206 if start else answer.status
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if answer.cut_after is not None:
            body, answer.cut_after = body[: answer.cut_after], None
            self.close_connection = True
        if answer.stall_after is not None:
            first, answer.stall_after = answer.stall_after, None
            self.wfile.write(body[:first])
            self.wfile.flush()
            self.files.stop.wait(60)
            body = body[first:]
        with suppress(ConnectionError):
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[FileServer]:
    """A server without files on a free port of 127.0.0.1, until the block ends."""
    files = FileServer()
    handler = type("Handler", (_Handler,), {"files": files})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        files.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield files
        files.stop.set()
        server.shutdown()
        thread.join()
