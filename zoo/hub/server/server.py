"""HTTP/1.1 around a function from Request to Reply."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from zoo.hub.server.http import PIECE, HttpError, Request, Response, refuse

Respond = Callable[[Request], Response]


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: "Server"
    protocol_version = "HTTP/1.1"
    timeout = 120
    disable_nagle_algorithm = True

    def answer(self) -> None:
        self.unread = True
        parts = urlsplit(self.path)
        host = self.headers.get("Host") or "{}:{}".format(*self.server.server_address[:2])
        query = parse_qs(parts.query, keep_blank_values=True)
        base = f"http://{host}"
        request = Request(self.command, parts.path, query, self.headers, base, self.body)
        try:
            reply = self.server.respond(request)
        except Exception as error:  # a request must not end the server
            print(f"{self.command} {self.path}: {error!r}", file=sys.stderr)
            reply = refuse(HttpError(500, f"an error of the server: {type(error).__name__}"))
        self.send(reply)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

    def body(self) -> Iterator[bytes]:
        """The request's body in pieces, sent with its length or in HTTP's chunks."""
        self.unread = False
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            while length := int(self.rfile.readline(64).split(b";")[0], 16):
                yield from self.exactly(length)
                self.rfile.readline(64)
            while self.rfile.readline(1024).strip():
                pass
        else:
            yield from self.exactly(int(self.headers.get("Content-Length") or 0))

    def exactly(self, length: int) -> Iterator[bytes]:
        while length:
            piece = self.rfile.read(min(PIECE, length))
            if not piece:
                raise ConnectionError("the client went away")
            length -= len(piece)
            yield piece

    def has_body(self) -> bool:
        length = self.headers.get("Content-Length") or "0"
        return length != "0" or "Transfer-Encoding" in self.headers

    def send(self, reply: Response) -> None:
        """The reply; a body that comes out shorter than its length ends the connection."""
        if self.unread and self.has_body():  # what is left of it would be read as a request
            self.close_connection = True
        headers = {"Content-Length": str(reply.length), **reply.headers}
        self.send_response(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command == "HEAD":
            return
        left = int(headers["Content-Length"])
        for piece in reply.pieces:
            left -= len(piece)
            self.wfile.write(piece)
        self.close_connection |= left != 0

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: who wants a log wraps `respond`."""


class Server(ThreadingHTTPServer):
    """Answers with `respond`, a thread for each connection."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, respond: Respond, host: str = "127.0.0.1", port: int = 0) -> None:
        self.respond = respond
        super().__init__((host, port), Handler)

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing for a client that went away; else as always."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@contextmanager
def serving(respond: Respond, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """The URL of a server in a thread, until the block ends."""
    server = Server(respond, host, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
