"""The context of a handler: the Hub, and a request with its user and repository."""

import hmac
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias
from urllib.parse import quote, unquote

from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from zoo.hub.server.http import Body, HttpError, decode
from zoo.hub.server.store import Commit, Repo, Store, User
from zoo.hub.server.xet_store import Xet

LIFETIME = 3600  # seconds that a ticket is valid
SMALL, LARGE = 1 << 20, 1 << 28  # bytes of a body in memory: of anyone, of those who may write
PARAMS = {  # of paths that are still quoted
    "kinds": "models|datasets|spaces",
    "prefix": "(?:(?:datasets|spaces)/)?",
    "repo": "[^/]+(?:/[^/]+)?",
    "revision": "[^/]+",
    "path": ".+",
    "subpath": "(?:/.*)?",
    "sha256": "[0-9a-f]{64}",
    "name": "[^/]+",
    "number": "[0-9]{1,5}",
    "storage": "[0-9a-f]{16}",
}
Right: TypeAlias = Literal["anyone", "member", "read", "content", "write"]
Handler: TypeAlias = Callable[..., Response]


@dataclass
class HubState:
    """State that all handlers share."""

    store: Store
    writable: bool = True
    downloads: str = ""  # URL of the other host that large files come from
    part_size: int = 16 << 20  # bytes of a part of an LFS upload
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32))  # signs tickets

    def __post_init__(self) -> None:
        self.xet = Xet(self.store.root, self.store)
        self.uploads = CapacityLimiter(256)  # threads, so that slow uploads delay nothing else

    def user(self, token: str) -> User | None:
        """Return the token's user; without users, tokens of other Hubs mean nothing."""
        if not token or not self.store.users:
            return None
        if token not in self.store.users:
            raise HttpError(401, "Invalid credentials in Authorization header")
        return self.store.users[token]

    def find(self, kind: str, name: str, user: User | None) -> Repo:
        """Return a repository that this user may know of."""
        repo = self.store.repos().get((kind, name))
        if repo and repo.is_visible_to(user):
            return repo
        status = 404 if user else 401
        raise HttpError(status, f"no repository {name}, or a private one", "RepoNotFound")

    def ticket(self, purpose: str) -> str:
        """Return leave for one purpose, for an hour: signs URLs, and is a token of Xet."""
        until = str(int(time.time()) + LIFETIME)
        return f"{until}.{self._signature(until, purpose)}"

    def admits(self, purpose: str, ticket: str) -> bool:
        until, _, signature = ticket.partition(".")
        right = self._signature(until, purpose)
        return hmac.compare_digest(signature.encode(), right.encode()) and int(until) > time.time()

    def _signature(self, until: str, purpose: str) -> str:
        return hmac.digest(self.key, f"{until} {purpose}".encode(), "sha256").hex()


@dataclass
class RequestContext:
    """A request on its way through a handler."""

    hub: HubState
    request: Request
    params: dict[str, str]  # of the path
    user: User | None

    @property
    def kind(self) -> str:
        """model, dataset or space; paths outside the API have no prefix for a model."""
        plural = self.params.get("kinds") or self.params.get("prefix") or "models"
        return plural.rstrip("/").removesuffix("s")

    @cached_property
    def repo(self) -> Repo:
        return self.hub.find(self.kind, self.params["repo"], self.user)

    @property
    def commit(self) -> Commit:
        return self.repo.at(self.params.get("revision", "main"))

    @property
    def author(self) -> str:
        return self.user.name if self.user else ""

    def url(self, path: str, purpose: str = "") -> str:
        """Return a URL of this Hub, signed if it has a purpose."""
        ticket = f"?ticket={self.hub.ticket(purpose)}" if purpose else ""
        return f"{str(self.request.base_url).rstrip('/')}{quote(path)}{ticket}"


def bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def make_context(request: Request, right: Right, ticket: str) -> RequestContext:
    """Return the context of a request that may be made. Raises HttpError for others."""
    hub: HubState = request.app.state.hub
    params = {name: unquote(value) for name, value in request.path_params.items()}
    call = RequestContext(hub, request, params, None if ticket else hub.user(bearer(request)))
    if ticket:
        _check_ticket(call, ticket.format(**params))
    if right in ("write", "member") and not hub.writable:
        raise HttpError(403, "this Hub is read only")
    if "repo" in params:
        _check_repo(call, right)
    elif right == "member" and call.user is None:
        raise HttpError(401, "a token is needed")
    return call


def _check_ticket(call: RequestContext, purposes: str) -> None:
    """Refuse a ticket for another purpose; Xet's come as tokens, those of URLs in the query."""
    storage = call.params.get("storage")
    if storage not in (None, call.hub.xet.id):
        raise HttpError(404, "this Xet storage is not here")
    ticket = bearer(call.request) if storage else call.request.query_params.get("ticket", "")
    if not any(call.hub.admits(purpose, ticket) for purpose in purposes.split("|")):
        raise HttpError(401 if storage else 403, "the address is not signed, or too old")


def _check_repo(call: RequestContext, right: Right) -> None:
    repo, user = call.repo, call.user
    is_owner = bool(user and user.owns(repo.name))
    if right == "content" and repo.gated and not is_owner:
        if user is None:
            raise HttpError(401, f"{repo.name} is gated; log in", "GatedRepo")
        if user.name not in repo.readers:
            raise HttpError(403, f"{repo.name} is gated; ask its owner", "GatedRepo")
    if right != "write":
        return
    if user is None:
        raise HttpError(401, "a token is needed")
    if not (is_owner and user.role == "write"):
        raise HttpError(403, f"you have no right to write to {repo.name}")
    if not call.hub.store.is_own(repo):
        raise HttpError(403, f"{repo.name} is a folder; nobody can push to it")


def route(
    method: str,
    path: str,
    handler: Handler,
    right: Right = "anyone",
    *,
    ticket: str = "",
    body: Any = None,
) -> Route:
    """Return a route of the Hub.

    Args:
        path: With names of PARAMS in braces.
        handler: Called in a thread with the context, and the body if there is one.
        right: What the user needs.
        ticket: Purposes of the signed address, in place of a user.
        body: `bytes`, `Body` for an iterator of pieces, or the type that JSON is decoded as.
    """
    limit = LARGE if ticket or right in ("member", "write") else SMALL

    async def endpoint(request: Request) -> Response:
        call = await run_in_threadpool(make_context, request, right, ticket)
        received = Body(request.receive)
        if body is None:
            return await run_in_threadpool(handler, call)
        if body is Body:
            pieces = received.pieces()
            return await to_thread.run_sync(handler, call, pieces, limiter=call.hub.uploads)
        data = await received.read(limit)
        args = data if body is bytes else await run_in_threadpool(decode, data, body)
        return await run_in_threadpool(handler, call, args)

    return Route(re.sub(r"\{(\w+)\}", r"{\1:hub_\1}", path), endpoint, methods=[method])


for _name, _regex in PARAMS.items():
    _convertor = type(_name, (StringConvertor,), {"regex": _regex})
    register_url_convertor(f"hub_{_name}", _convertor())
