"""Users and repositories as wholes: whoami, create, delete, settings, validate-yaml."""

import re
from typing import Any

import yaml  # type: ignore[import-untyped]

from zoo.hub.server.context import RequestContext
from zoo.hub.server.http import HttpError, Response
from zoo.hub.server.store import KINDS

CARD = re.compile(r"\A---[ \t]*\r?\n(.*?)\r?\n?^---[ \t]*$", re.DOTALL | re.MULTILINE)


def whoami(call: RequestContext) -> Response:
    user = call.user
    if user is None:
        raise HttpError(401, "Invalid credentials in Authorization header")
    token = {"displayName": "token", "role": user.role}
    return Response.json(
        {
            "type": "user",
            "id": user.name,
            "name": user.name,
            "fullname": user.name,
            "email": "",
            "isPro": False,
            "orgs": [{"type": "org", "name": org} for org in user.orgs if org != "*"],
            "auth": {"type": "access_token", "accessToken": token},
        }
    )


def target(call: RequestContext) -> tuple[str, str, dict[str, Any]]:
    """Kind and name of the repository that a request's JSON is about, and the JSON."""
    asked = call.request.json()
    assert call.user
    owner = asked.get("organization") or call.user.name
    kind, name = asked.get("type") or "model", f"{owner}/{asked.get('name')}"
    if kind not in KINDS:
        raise HttpError(400, f"no kind of repository: {kind}")
    if call.user.role != "write" or not call.user.owns(name):
        raise HttpError(403, f"you have no right to write to {owner}")
    return kind, name, asked


def is_private(asked: dict[str, Any]) -> bool:
    """As huggingface_hub 2 says it, or as 1 does."""
    return asked.get("visibility") == "private" or bool(asked.get("private"))


def create(call: RequestContext) -> Response:
    kind, name, asked = target(call)
    url = call.url(f"/{'' if kind == 'model' else kind + 's/'}{name}")
    if (kind, name) in call.hub.store.repos():
        raise HttpError(409, f"{name} exists already", url=url)
    call.hub.store.create(kind, name, private=is_private(asked))
    return Response.json({"url": url, "name": name, "id": name})


def delete(call: RequestContext) -> Response:
    kind, name, _ = target(call)
    repo = call.hub.find(kind, name, call.user)
    if not call.hub.store.is_own(repo):
        raise HttpError(403, f"{name} is a folder; delete it there")
    call.hub.store.remove(repo)
    return Response.json({})


def settings(call: RequestContext) -> Response:
    """Private or not, gated or not."""
    asked, repo = call.request.json(), call.repo
    private, gated = repo.private, repo.gated
    if "visibility" in asked or "private" in asked:
        private = is_private(asked)
    if "gated" in asked:
        gated = asked["gated"] or ""
    call.hub.store.save(repo, private=private, gated=gated)
    return Response.json({"private": repo.private, "gated": repo.gated or False})


def card_data(text: str) -> dict[str, Any]:
    """The YAML at the head of a card; ValueError if there is something else."""
    match = CARD.match(text)
    try:
        found = yaml.safe_load(match[1]) if match else {}
    except yaml.YAMLError as error:
        raise ValueError(f"the metadata is no YAML: {error}") from None
    if not isinstance(found or {}, dict):
        raise ValueError("the metadata is no mapping")
    if not isinstance((found or {}).get("model-index", []), list):
        raise ValueError('"model-index" must be a list')
    return found or {}


def validate_yaml(call: RequestContext) -> Response:
    try:
        card_data(str(call.request.json().get("content", "")))
    except ValueError as error:
        errors = [{"message": str(error)}]
        return Response.json({"errors": errors, "warnings": []}, 400)
    return Response.json({"errors": [], "warnings": []})


ROUTES = [
    ("GET", "/api/whoami-v2", "", whoami),
    ("POST", "/api/repos/create", "member", create),
    ("DELETE", "/api/repos/delete", "member", delete),
    ("PUT", "/api/{kinds}/{repo}/settings", "write", settings),
    ("POST", "/api/validate-yaml", "", validate_yaml),
]
