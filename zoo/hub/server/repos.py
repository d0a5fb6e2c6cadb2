"""Users and repositories as wholes: whoami, create, delete, settings, descriptions, lists."""

import hashlib
from typing import Any, Literal

import msgspec
from starlette.responses import Response

from zoo.hub.server.cards import parse_card, read_card
from zoo.hub.server.context import RequestContext, route
from zoo.hub.server.http import PIECE, HttpError, json_response
from zoo.hub.server.store import Commit, File, Repo


class RepoId(msgspec.Struct):
    """Body of a request about a repository."""

    name: str
    organization: str | None = None
    type: Literal["model", "dataset", "space"] | None = None


class NewRepo(RepoId):
    """Body of a request for a repository."""

    private: bool | None = None  # of huggingface_hub 1
    visibility: str | None = None  # of huggingface_hub 2


class Settings(msgspec.Struct):
    """Body of a request for other settings; None leaves one as it is."""

    private: bool | None = None
    visibility: str | None = None
    gated: Literal["auto", "manual"] | bool | None = None


class CardText(msgspec.Struct):
    """Body of a request to check a card."""

    content: str = ""


def whoami(call: RequestContext) -> Response:
    user = call.user
    if user is None:
        raise HttpError(401, "Invalid credentials in Authorization header")
    token = {"displayName": "token", "role": user.role}
    return json_response(
        {
            "type": "user",
            "name": user.name,
            "isPro": False,
            "orgs": [{"type": "org", "name": org} for org in user.orgs if org != "*"],
            "auth": {"type": "access_token", "accessToken": token},
        }
    )


def identify(call: RequestContext, body: RepoId) -> tuple[str, str]:
    """Return kind and name of the repository, if the user may write to it."""
    assert call.user
    owner = body.organization or call.user.name
    name = f"{owner}/{body.name}"
    if call.user.role != "write" or not call.user.owns(name):
        raise HttpError(403, f"you have no right to write to {owner}")
    return body.type or "model", name


def create(call: RequestContext, body: NewRepo) -> Response:
    kind, name = identify(call, body)
    url = call.url(Repo(kind, name, "").path)
    if (kind, name) in call.hub.store.repos():
        return json_response({"error": f"{name} exists already", "url": url}, 409)
    call.hub.store.create(kind, name, private=body.visibility == "private" or bool(body.private))
    return json_response({"url": url, "name": name, "id": name})


def delete(call: RequestContext, body: RepoId) -> Response:
    kind, name = identify(call, body)
    repo = call.hub.find(kind, name, call.user)
    if not call.hub.store.is_own(repo):
        raise HttpError(403, f"{name} is a folder; delete it there")
    call.hub.store.remove(repo)
    return json_response({})


def change_settings(call: RequestContext, body: Settings) -> Response:
    private, gated = call.repo.private, call.repo.gated
    if body.visibility is not None or body.private is not None:
        private = body.visibility == "private" or bool(body.private)
    if body.gated is not None:
        gated = "auto" if body.gated is True else body.gated or ""
    call.hub.store.save(call.repo, private=private, gated=gated)
    return json_response({"private": private, "gated": gated or False})


def validate_yaml(call: RequestContext, body: CardText) -> Response:
    try:
        parse_card(body.content)
    except ValueError as error:
        return json_response({"errors": [{"message": str(error)}], "warnings": []}, 400)
    return json_response({"errors": [], "warnings": []})


def lfs_fields(file: File) -> dict[str, Any]:
    """Return the fields of contents that git does not hold."""
    if not file.lfs:
        return {}
    size = {"size": file.size, "pointerSize": 134}
    return {"lfs": {"oid": file.sha256, "sha256": file.sha256, **size}}


def describe(call: RequestContext, repo: Repo, commit: Commit) -> dict[str, Any]:
    """Return all that is known, whatever `expand` asks for."""
    readme = commit.files.get("README.md")
    path = readme and readme.size <= PIECE and call.hub.store.path(readme.sha256)
    card = read_card(path, readme.sha256) if readme and path else {}
    tags = [str(tag) for tag in card["tags"]] if isinstance(card.get("tags"), list) else []
    tags += [f"license:{card['license']}"] if "license" in card else []
    tags += [str(card[key]) for key in ("library_name", "pipeline_tag") if key in card]
    return {
        "_id": hashlib.sha1(f"{repo.kind} {repo.name}".encode()).hexdigest()[:24],
        "id": repo.name,
        "modelId": repo.name,
        "author": repo.name.partition("/")[0],
        "sha": commit.name,
        "private": repo.private,
        "gated": repo.gated or False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": tags,
        "createdAt": repo.created,
        "lastModified": commit.date,
        "cardData": card,
        "siblings": [
            {"rfilename": path, "size": file.size, "blobId": file.oid, **lfs_fields(file)}
            for path, file in sorted(commit.files.items())
        ],
        **{
            key: card[key] for key in ("pipeline_tag", "library_name", "model-index") if key in card
        },
    }


def info(call: RequestContext) -> Response:
    return json_response(describe(call, call.repo, call.commit))


def list_repos(call: RequestContext) -> Response:
    """Return the repositories that this user may know of, by name, `limit` at a time."""
    query = call.request.query_params
    try:
        start, count = int(query.get("cursor", 0)), int(query.get("limit", 1000))
    except ValueError:
        raise HttpError(400, "cursor and limit are numbers") from None
    if start < 0 or count < 1:
        raise HttpError(400, "cursor is 0 or more, limit 1 or more")
    search, author = query.get("search", "").lower(), query.get("author", "")
    repos = [
        describe(call, repo, repo.at("main"))
        for (kind, name), repo in sorted(call.hub.store.repos().items())
        if kind == call.kind
        and "main" in repo.branches
        and repo.is_visible_to(call.user)
        and search in name.lower()
        and author in ("", name.partition("/")[0])
    ]
    tags = set(query.getlist("filter"))
    repos = [repo for repo in repos if tags <= set(repo["tags"])]
    headers = {}
    if start + count < len(repos):
        url = call.request.url.include_query_params(cursor=start + count)
        headers["Link"] = f'<{url}>; rel="next"'
    return json_response(repos[start : start + count], headers=headers)


ROUTES = [
    route("GET", "/api/whoami-v2", whoami),
    route("POST", "/api/repos/create", create, "member", body=NewRepo),
    route("DELETE", "/api/repos/delete", delete, "member", body=RepoId),
    route("PUT", "/api/{kinds}/{repo}/settings", change_settings, "write", body=Settings),
    route("POST", "/api/validate-yaml", validate_yaml, body=CardText),
    route("GET", "/api/{kinds}", list_repos),
    route("GET", "/api/{kinds}/{repo}/revision/{revision}", info, "read"),
    route("GET", "/api/{kinds}/{repo}", info, "read"),
]
