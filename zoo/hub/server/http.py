"""What comes in and what goes out: Request, Reply, Refusal, and a part of a file as a reply."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any

PIECE = 1 << 20
LIMIT = 1 << 28  # bytes of a request that is read into memory

Headers = dict[str, str]


class HttpError(Exception):
    """An answer that is not the one asked for; `code` chooses the client's exception."""

    def __init__(
        self, status: int, message: str, code: str = "", *, url: str = "", **headers: str
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code
        self.url, self.headers = url, headers


@dataclass
class Request:
    """One request: the path is unquoted only where a route takes it apart."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Message
    base: str
    body: Callable[[], Iterator[bytes]]

    @property
    def token(self) -> str:
        """What stands behind "Bearer", or nothing."""
        scheme, _, token = (self.headers.get("Authorization") or "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    def ask(self, name: str, default: str = "") -> str:
        """The last value of a query parameter."""
        return self.query.get(name, [default])[-1]

    def read(self) -> bytes:
        """The body, if it is not too long for memory."""
        found = bytearray()
        for piece in self.body():
            found += piece
            if len(found) > LIMIT:
                raise HttpError(413, f"more than {LIMIT} bytes in one request")
        return bytes(found)

    def json(self) -> dict[str, Any]:
        """The body as a JSON object."""
        found = loads(self.read() or b"{}")
        if not isinstance(found, dict):
            raise HttpError(400, "the request is no JSON object")
        return found


def loads(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise HttpError(400, f"the request is no JSON: {error}") from None


@dataclass
class Response:
    """Status, headers, and the body in pieces whose sum is `length`."""

    status: int = 200
    headers: Headers = field(default_factory=dict)
    length: int = 0
    pieces: Iterable[bytes] = ()

    @classmethod
    def json(cls, value: object, status: int = 200, headers: Headers | None = None) -> "Response":
        """A value as JSON."""
        body = json.dumps(value, default=str).encode()  # cards hold dates
        named = {"Content-Type": "application/json", **(headers or {})}
        return cls(status, named, len(body), (body,))


def refuse(refusal: HttpError) -> Response:
    """The reply to a request that is refused."""
    text = refusal.message.encode("ascii", "replace").decode().replace("\n", " ")
    headers = {"X-Error-Message": text, "X-Error-Code": refusal.code, **refusal.headers}
    body = {"error": refusal.message} | ({"url": refusal.url} if refusal.url else {})
    return Response.json(body, refusal.status, {k: v for k, v in headers.items() if v})


def pieces_of(path: Path, start: int, length: int) -> Iterator[bytes]:
    """Bytes of a file, never all of them in memory."""
    with path.open("rb") as file:
        file.seek(start)
        while length > 0 and (piece := file.read(min(PIECE, length))):
            length -= len(piece)
            yield piece


def span(header: str | None, size: int) -> tuple[int, int] | None:
    """(first, past the last) of a Range header; None: the whole."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", (header or "").strip())
    if not match or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    begin = int(first) if first else max(size - int(last), 0)
    end = min(int(last) + 1, size) if first and last else size
    if begin >= end:
        raise HttpError(416, f"{header} of {size} bytes", **{"Content-Range": f"bytes */{size}"})
    return begin, end


def part(request: Request, path: Path, size: int, headers: Headers) -> Response:
    """A file, or the part of it that a Range header asks for."""
    wanted = span(request.headers.get("Range"), size)
    begin, end = wanted or (0, size)
    headers = {**headers, "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
    if wanted:
        headers["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
    pieces = pieces_of(path, begin, end - begin)
    return Response(206 if wanted else 200, headers, end - begin, pieces)
