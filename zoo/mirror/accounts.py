"""Users and repositories as wholes: whoami, create, delete, settings, validate-yaml."""

import re
from typing import Any

import yaml  # type: ignore[import-untyped]

from zoo.mirror.calls import Call
from zoo.mirror.messages import Refusal, Reply
from zoo.mirror.store import KINDS

CARD = re.compile(r"\A---[ \t]*\r?\n(.*?)\r?\n?^---[ \t]*$", re.DOTALL | re.MULTILINE)


def whoami(call: Call) -> Reply:
    user = call.user
    if user is None:
        raise Refusal(401, "Invalid credentials in Authorization header")
    token = {"displayName": "token", "role": user.role}
    return Reply.json(
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


def target(call: Call) -> tuple[str, str, dict[str, Any]]:
    """Kind and name of the repository that a request's JSON is about, and the JSON."""
    asked = call.request.json()
    assert call.user
    owner = asked.get("organization") or call.user.name
    kind, name = asked.get("type") or "model", f"{owner}/{asked.get('name')}"
    if kind not in KINDS:
        raise Refusal(400, f"no kind of repository: {kind}")
    if call.user.role != "write" or not call.user.owns(name):
        raise Refusal(403, f"you have no right to write to {owner}")
    return kind, name, asked


def is_private(asked: dict[str, Any]) -> bool:
    """As huggingface_hub 2 says it, or as 1 does."""
    return asked.get("visibility") == "private" or bool(asked.get("private"))


def create(call: Call) -> Reply:
    kind, name, asked = target(call)
    url = call.url(f"/{'' if kind == 'model' else kind + 's/'}{name}")
    if (kind, name) in call.hub.store.repos():
        raise Refusal(409, f"{name} exists already", url=url)
    call.hub.store.create(kind, name, private=is_private(asked))
    return Reply.json({"url": url, "name": name, "id": name})


def delete(call: Call) -> Reply:
    kind, name, _ = target(call)
    repo = call.hub.find(kind, name, call.user)
    if not call.hub.store.is_own(repo):
        raise Refusal(403, f"{name} is a folder; delete it there")
    call.hub.store.remove(repo)
    return Reply.json({})


def settings(call: Call) -> Reply:
    """Private or not, gated or not."""
    asked, repo = call.request.json(), call.repo
    private, gated = repo.private, repo.gated
    if "visibility" in asked or "private" in asked:
        private = is_private(asked)
    if "gated" in asked:
        gated = asked["gated"] or ""
    call.hub.store.save(repo, private=private, gated=gated)
    return Reply.json({"private": repo.private, "gated": repo.gated or False})


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


def validate_yaml(call: Call) -> Reply:
    try:
        card_data(str(call.request.json().get("content", "")))
    except ValueError as error:
        errors = [{"message": str(error)}]
        return Reply.json({"errors": errors, "warnings": []}, 400)
    return Reply.json({"errors": [], "warnings": []})


ROUTES = [
    ("GET", "/api/whoami-v2", "", whoami),
    ("POST", "/api/repos/create", "member", create),
    ("DELETE", "/api/repos/delete", "member", delete),
    ("PUT", "/api/{kinds}/{repo}/settings", "write", settings),
    ("POST", "/api/validate-yaml", "", validate_yaml),
]
