"""Which route, and who may take it: one table of patterns for the whole protocol."""

import re
from collections.abc import Callable
from urllib.parse import unquote

from zoo.hub.server import auth, commits, lfs, refs, repos, resolve
from zoo.hub.server.context import RequestContext
from zoo.hub.server.http import HttpError, Request, Response, refuse
from zoo.hub.server.state import HubState
from zoo.hub.server.store import Repo, User
from zoo.hub.server.xet import ROUTES as XET_ROUTES

PARTS = {
    "kinds": r"(?P<kinds>models|datasets|spaces)",
    "prefix": r"(?:(?P<prefix>datasets|spaces)/)?",
    "repo": r"(?P<repo>[^/]+(?:/[^/]+)?)",
    "revision": r"(?P<revision>[^/]+)",
    "path": r"(?P<path>.+)",
    "sha256": r"(?P<sha256>[0-9a-f]{64})",
    "name": r"(?P<name>[^/]+)",
    "storage": r"/xet-(?P<storage>[0-9a-f]{16})",
}
READS = {"GET", "HEAD"}
Route = tuple[set[str], re.Pattern[str], str, Callable[[RequestContext], Response]]


def compiled(
    method: str, pattern: str, right: str, do: Callable[[RequestContext], Response]
) -> Route:
    """A row of the tables: "GET /api/{kinds}/{repo}/refs" as a regular expression."""
    text = re.sub(r"\{(\w+)\}", lambda match: PARTS[match[1]], pattern)
    return (READS if method == "GET" else {method}), re.compile(text), right, do


TABLE = [
    compiled(*row)
    for rows in (
        auth.ROUTES,
        refs.ROUTES,
        commits.ROUTES,
        lfs.ROUTES,
        XET_ROUTES,
        resolve.ROUTES,
        repos.ROUTES,
    )
    for row in rows
]


class HubApp(HubState):
    """Answer requests by the table of routes."""

    def answer(self, request: Request) -> Response:
        """What the routes say to a request."""
        try:
            if ".." in unquote(request.path).replace("\\", "/").split("/"):
                raise HttpError(400, "no path has .. in it")
            for methods, pattern, right, do in TABLE:
                match = pattern.fullmatch(request.path)
                if match and request.method in methods:
                    return do(self.call(request, match, right))
            raise HttpError(404, f"nothing at {request.path} for {request.method}")
        except HttpError as refusal:
            return refuse(refusal)

    def call(self, request: Request, match: re.Match[str], right: str) -> RequestContext:
        """The request with its user and repository, if the user has the right."""
        parts = {name: unquote(part or "") for name, part in match.groupdict().items()}
        call = RequestContext(
            self, request, parts, None if right == "ticket" else self.user(request.token)
        )
        if right in ("write", "member") and not self.writable:
            raise HttpError(403, "this Hub is read only")
        if right == "member" and call.user is None:
            raise HttpError(401, "a token is needed")
        if "repo" in parts:
            call.found = self.find(call.kind, parts["repo"], call.user)
            require(call.found, call.user, right)
        if right == "write" and not self.store.is_own(call.repo):
            raise HttpError(403, f"{call.repo.name} is a folder; nobody can push to it")
        return call


def require(repo: Repo, user: User | None, right: str) -> None:
    """Refuses what this user may not do with a repository."""
    owner = bool(user and user.owns(repo.name))
    if right == "content" and repo.gated and not owner:
        if user is None:
            raise HttpError(401, f"{repo.name} is gated; log in", "GatedRepo")
        if user.name not in repo.readers:
            raise HttpError(403, f"{repo.name} is gated; ask its owner", "GatedRepo")
    if right == "write" and user is None:
        raise HttpError(401, "a token is needed")
    if right == "write" and not (owner and user and user.role == "write"):
        raise HttpError(403, f"you have no right to write to {repo.name}")
