"""The HTTP server: uvicorn on a socket, with bounds on what a client can hold."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from zoo.hub.server.http import STALL

BACKLOG = 32
KEEP_ALIVE = 120  # seconds


def connection_limit() -> int:
    """Return how many connections the limit of open files allows, each with a file."""
    try:
        import resource
    except ImportError:  # Windows
        return 256
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 512 if soft == resource.RLIM_INFINITY else max(16, min(512, soft // 4))


class Connection(H11Protocol):
    """A connection that gives way to newer ones while its request is incomplete."""

    limit = connection_limit()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.opened = self.loop.time()
        self._start_timer()
        alive: list[Any] = [c for c in self.connections if not c.transport.is_closing()]
        waiting = [c for c in alive if c is not self and c.is_waiting]
        if len(alive) > self.limit and waiting:
            min(waiting, key=lambda connection: connection.opened).transport.abort()

    @property
    def is_waiting(self) -> bool:
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

    def _start_timer(self) -> None:
        """Give a client that has not sent its headers STALL seconds for the next byte."""
        if self.cycle is None and self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(STALL, self.transport.abort)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._start_timer()

    def pause_writing(self) -> None:
        """Give a client that does not read its response STALL seconds."""
        super().pause_writing()
        self.stall_timer = self.loop.call_later(STALL, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self.stall_timer.cancel()


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one."""
    return socket.create_server((host, port), backlog=BACKLOG)


def make_server(app: Any) -> uvicorn.Server:
    """Return a server to `run(sockets=[...])`."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=Connection,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
            limit_concurrency=Connection.limit + BACKLOG,
            h11_max_incomplete_event_size=1 << 16,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=1,
        )
    )


@contextmanager
def serving(app: Any, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve an ASGI app from a thread until the block ends; yield its URL."""
    with listen(host, port) as listener:
        port = listener.getsockname()[1]
        server = make_server(app)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://{host}:{port}"
        finally:
            server.should_exit = True
            thread.join()
