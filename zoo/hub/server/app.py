"""The Hub as an ASGI app: all routes of the protocol."""

from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request

from zoo.hub.server import commits, files, lfs, refs, repos, xet
from zoo.hub.server.context import HubState
from zoo.hub.server.http import UNPRINTABLE, HttpError, error_response

MODULES = (refs, commits, lfs, xet, files, repos)  # the first route that fits


class HubApp(HubState):
    """A Hub to serve: `serving(HubApp(store))`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        routes = [route for module in MODULES for route in module.ROUTES]
        handlers = {HTTPException: error_response}
        self.starlette = Starlette(routes=routes, exception_handlers=handlers)
        self.starlette.router.redirect_slashes = False
        self.starlette.state.hub = self

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request; its path is matched while it is quoted: %2F is no separator."""
        scope = {**scope, "path": scope["raw_path"].decode("ascii")}
        try:
            check_request(scope)
        except HttpError as error:
            response = await error_response(Request(scope), error)
            await response(scope, receive, send)
        else:
            await self.starlette(scope, receive, send)


def check_request(scope: Any) -> None:
    """Raise HttpError for what no client sends but an attacker."""
    path, headers = unquote(scope["path"]), {name for name, _ in scope["headers"]}
    if {b"content-length", b"transfer-encoding"} <= headers:
        message = "a request has either Content-Length or Transfer-Encoding"
        raise HttpError(400, message, headers={"Connection": "close"})
    if UNPRINTABLE.search(path) or ".." in path.replace("\\", "/").split("/"):
        raise HttpError(400, "no path has .. or control characters in it")
