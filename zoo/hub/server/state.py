"""The state behind the routes: a store, its users and the signed tickets."""

import hmac
import secrets
import time
from dataclasses import dataclass, field

from zoo.hub.server.http import HttpError
from zoo.hub.server.store import Repo, Store, User
from zoo.hub.server.xet_store import Xet

LIFETIME = 3600  # seconds that a ticket is valid


@dataclass
class HubState:
    """What every route works on; `downloads` is the other host that large files come from."""

    store: Store
    writable: bool = True
    downloads: str = ""
    part_size: int = 16 << 20
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def __post_init__(self) -> None:
        self.xet = Xet(self.store.root, self.store)

    def user(self, token: str) -> User | None:
        """Who asks; where there are no users, tokens of other Hubs mean nothing."""
        if not token or not self.store.users:
            return None
        if token not in self.store.users:
            raise HttpError(401, "Invalid credentials in Authorization header")
        return self.store.users[token]

    def find(self, kind: str, name: str, user: User | None) -> Repo:
        """A repository that this user may know of."""
        repo = self.store.repos().get((kind, name))
        if repo and repo.shown_to(user):
            return repo
        status = 404 if user else 401
        raise HttpError(status, f"no repository {name}, or a private one", "RepoNotFound")

    def ticket(self, purpose: str) -> str:
        """Leave for one purpose, for an hour: what signed URLs and Xet tokens are made of."""
        until = str(int(time.time()) + LIFETIME)
        return f"{until}.{hmac.digest(self.key, f'{until} {purpose}'.encode(), 'sha256').hex()}"

    def admits(self, purpose: str, ticket: str) -> bool:
        """Whether a ticket is ours, for this purpose, and not too old."""
        until, _, sign = ticket.partition(".")
        right = hmac.digest(self.key, f"{until} {purpose}".encode(), "sha256").hex()
        return hmac.compare_digest(sign.encode(), right.encode()) and int(until) > time.time()
