"""Requests and responses: bodies within limits, typed JSON, errors, and ranges of files."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from anyio import from_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

PIECE = 1 << 20  # bytes of a file that are in memory at a time
STALL = 60.0  # seconds without a byte after which a client is given up
UNPRINTABLE = re.compile("[\0-\x1f\x7f\ud800-\udfff]")  # no part of a header, nor of UTF-8
Headers = dict[str, str]
T = TypeVar("T")


class HttpError(HTTPException):
    """A refused request; `code` selects the exception of huggingface_hub."""

    def __init__(
        self, status: int, message: str, code: str = "", headers: Headers | None = None
    ) -> None:
        super().__init__(
            status, message, (headers or {}) | ({"X-Error-Code": code} if code else {})
        )

    def __str__(self) -> str:
        return self.detail


class Body:
    """The body of a request, received in pieces."""

    def __init__(self, receive: Callable[[], Awaitable[Any]]) -> None:
        self._receive, self._more = receive, True

    async def piece(self) -> bytes:
        """Return the next piece; empty at the end."""
        while self._more:
            try:
                message = await asyncio.wait_for(self._receive(), STALL)
            except TimeoutError:
                raise HttpError(408, f"no byte came for {STALL:g} seconds") from None
            if message["type"] == "http.disconnect":
                raise HttpError(400, "the request ended before its body")
            self._more = message.get("more_body", False)
            if piece := message.get("body"):
                return bytes(piece)
        return b""

    async def read(self, limit: int) -> bytes:
        """Return the whole body. Raises HttpError (413) if it has more than `limit` bytes."""
        body = bytearray()
        while piece := await self.piece():
            body += piece
            if len(body) > limit:
                raise HttpError(413, f"more than {limit} bytes in one request")
        return bytes(body)

    def pieces(self) -> Iterator[bytes]:
        """Yield the body from a worker thread."""
        while piece := from_thread.run(self.piece):
            yield piece


def decode(data: bytes | msgspec.Raw, kind: type[T]) -> T:
    """Return JSON as `kind`. Raises HttpError (400), which names the place of a fault."""
    try:
        return msgspec.json.decode(data or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise HttpError(400, f"the request is not valid JSON: {error}") from None


def json_response(value: object, status: int = 200, headers: Headers | None = None) -> Response:
    return Response(msgspec.json.encode(value), status, headers, "application/json")


async def error_response(request: Request, error: Exception) -> Response:
    """Return an error as huggingface_hub reads it: JSON, and the same in headers."""
    assert isinstance(error, HTTPException)
    text = UNPRINTABLE.sub(" ", error.detail).encode("ascii", "replace").decode()
    headers = {"X-Error-Message": text[:1000], **(error.headers or {})}
    return json_response({"error": error.detail}, error.status_code, headers)


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return a Range header as (first, past the last); None for the whole. Raises HttpError."""
    match = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", (header or "").strip(), re.ASCII)
    if not match or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    begin = int(first) if first else max(size - int(last), 0)
    end = min(int(last) + 1, size) if first and last else size
    if begin >= end:
        raise HttpError(
            416, f"{header} of {size} bytes", headers={"Content-Range": f"bytes */{size}"}
        )
    return begin, end


def read_pieces(path: Path, start: int, length: int) -> Iterator[bytes]:
    """Yield bytes of a file, one piece in memory at a time."""
    with path.open("rb") as file:
        file.seek(start)
        while length > 0 and (piece := file.read(min(PIECE, length))):
            length -= len(piece)
            yield piece


def file_response(request: Request, path: Path, size: int, headers: Headers) -> Response:
    """Return a file, or the part of it that a Range header asks for."""
    span = byte_range(request.headers.get("Range"), size)
    begin, end = span or (0, size)
    headers = {**headers, "Accept-Ranges": "bytes", "Content-Length": str(end - begin)}
    if span:
        headers["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
    pieces = read_pieces(path, begin, 0 if request.method == "HEAD" else end - begin)
    status, kind = 206 if span else 200, "application/octet-stream"
    return StreamingResponse(pieces, status, headers, kind)
