"""Which route, and who may take it: one table of patterns for the whole protocol."""

import hmac
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote

from zoo.mirror import accounts, files, lfs, refs, repositories, uploads
from zoo.mirror.calls import Call
from zoo.mirror.messages import Refusal, Reply, Request, refuse
from zoo.mirror.store import Repo, Store, User
from zoo.mirror.xet import ROUTES as XET_ROUTES
from zoo.mirror.xet import Xet

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
LIFETIME = 3600
Route = tuple[set[str], re.Pattern[str], str, Callable[[Call], Reply]]


def compiled(method: str, pattern: str, right: str, do: Callable[[Call], Reply]) -> Route:
    """A row of the tables: "GET /api/{kinds}/{repo}/refs" as a regular expression."""
    text = re.sub(r"\{(\w+)\}", lambda match: PARTS[match[1]], pattern)
    return (READS if method == "GET" else {method}), re.compile(text), right, do


TABLE = [
    compiled(*row)
    for rows in (
        accounts.ROUTES,
        refs.ROUTES,
        uploads.ROUTES,
        lfs.ROUTES,
        XET_ROUTES,
        files.ROUTES,
        repositories.ROUTES,
    )
    for row in rows
]


@dataclass
class Hub:
    """A store behind the routes; `downloads` is the other host that large files come from."""

    store: Store
    writable: bool = True
    downloads: str = ""
    part_size: int = 16 << 20
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def __post_init__(self) -> None:
        self.xet = Xet(self.store.root, self.store)

    def answer(self, request: Request) -> Reply:
        """What the routes say to a request."""
        try:
            if ".." in unquote(request.path).replace("\\", "/").split("/"):
                raise Refusal(400, "no path has .. in it")
            for methods, pattern, right, do in TABLE:
                match = pattern.fullmatch(request.path)
                if match and request.method in methods:
                    return do(self.call(request, match, right))
            raise Refusal(404, f"nothing at {request.path} for {request.method}")
        except Refusal as refusal:
            return refuse(refusal)

    def call(self, request: Request, match: re.Match[str], right: str) -> Call:
        """The request with its user and repository, if the user has the right."""
        parts = {name: unquote(part or "") for name, part in match.groupdict().items()}
        call = Call(self, request, parts, None if right == "ticket" else self.user(request.token))
        if right in ("write", "member") and not self.writable:
            raise Refusal(403, "this Hub is read only")
        if right == "member" and call.user is None:
            raise Refusal(401, "a token is needed")
        if "repo" in parts:
            call.found = self.find(call.kind, parts["repo"], call.user)
            require(call.found, call.user, right)
        if right == "write" and not self.store.is_own(call.repo):
            raise Refusal(403, f"{call.repo.name} is a folder; nobody can push to it")
        return call

    def user(self, token: str) -> User | None:
        """Who asks; where there are no users, tokens of other Hubs mean nothing."""
        if not token or not self.store.users:
            return None
        if token not in self.store.users:
            raise Refusal(401, "Invalid credentials in Authorization header")
        return self.store.users[token]

    def find(self, kind: str, name: str, user: User | None) -> Repo:
        """A repository that this user may know of."""
        repo = self.store.repos().get((kind, name))
        if repo and repo.shown_to(user):
            return repo
        status = 404 if user else 401
        raise Refusal(status, f"no repository {name}, or a private one", "RepoNotFound")

    def ticket(self, purpose: str) -> str:
        """Leave for one purpose, for an hour: what signed URLs and Xet tokens are made of."""
        until = str(int(time.time()) + LIFETIME)
        return f"{until}.{hmac.digest(self.key, f'{until} {purpose}'.encode(), 'sha256').hex()}"

    def admits(self, purpose: str, ticket: str) -> bool:
        """Whether a ticket is ours, for this purpose, and not too old."""
        until, _, sign = ticket.partition(".")
        right = hmac.digest(self.key, f"{until} {purpose}".encode(), "sha256").hex()
        return hmac.compare_digest(sign.encode(), right.encode()) and int(until) > time.time()


def require(repo: Repo, user: User | None, right: str) -> None:
    """Refuses what this user may not do with a repository."""
    owner = bool(user and user.owns(repo.name))
    if right == "content" and repo.gated and not owner:
        if user is None:
            raise Refusal(401, f"{repo.name} is gated; log in", "GatedRepo")
        if user.name not in repo.readers:
            raise Refusal(403, f"{repo.name} is gated; ask its owner", "GatedRepo")
    if right == "write" and user is None:
        raise Refusal(401, "a token is needed")
    if right == "write" and not (owner and user and user.role == "write"):
        raise Refusal(403, f"you have no right to write to {repo.name}")
