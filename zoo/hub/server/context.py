"""A request that has found its route: who asks, for what, of which Hub."""

from dataclasses import dataclass

from zoo.hub.server.http import HttpError, Request
from zoo.hub.server.state import HubState
from zoo.hub.server.store import Commit, Repo, User


@dataclass
class RequestContext:
    """What a route's function is given."""

    hub: HubState
    request: Request
    parts: dict[str, str]
    user: User | None
    found: Repo | None = None

    @property
    def kind(self) -> str:
        """model, dataset or space: "models" in the API's paths, nothing in the others."""
        plural = self.parts.get("kinds") or self.parts.get("prefix") or "models"
        return plural.removesuffix("s")

    @property
    def repo(self) -> Repo:
        assert self.found, "the route has no {repo}"
        return self.found

    @property
    def commit(self) -> Commit:
        """Of the revision in the path, or main."""
        return self.repo.at(self.parts.get("revision") or "main")

    @property
    def author(self) -> str:
        return self.user.name if self.user else ""

    def url(self, path: str, purpose: str = "") -> str:
        """An address here, signed if it has a purpose."""
        ticket = f"?ticket={self.hub.ticket(purpose)}" if purpose else ""
        return f"{self.request.base}{path}{ticket}"

    def admit(self, purpose: str) -> None:
        """Refuses an address whose signature is not for this purpose."""
        if not self.hub.admits(purpose, self.request.ask("ticket")):
            raise HttpError(403, "the address is not signed, or too old")
