"""Branches, tags and the history."""

from zoo.hub.server.context import RequestContext
from zoo.hub.server.http import HttpError, Response
from zoo.hub.server.store import Repo

# which dictionary of a repository a reference is in, and what git calls it
REFS = {"branch": ("branches", "heads"), "tag": ("tags", "tags")}


def references(repo: Repo, what: str) -> list[dict[str, str]]:
    attribute, folder = REFS[what]
    return [
        {"name": name, "ref": f"refs/{folder}/{name}", "targetCommit": commit}
        for name, commit in getattr(repo, attribute).items()
    ]


def listed(call: RequestContext) -> Response:
    found = {REFS[what][0]: references(call.repo, what) for what in REFS}
    return Response.json({**found, "converts": [], "pullRequests": []})


def change(call: RequestContext, what: str, name: str, commit: str) -> Response:
    """Sets a reference that is not there, or with no commit takes away one that is."""
    attribute, _ = REFS[what]
    with call.hub.store.lock:
        there = getattr(call.repo, attribute)
        if commit and name in there:
            raise HttpError(409, f"{call.repo.name} has a {what} {name} already")
        if not commit and name not in there:
            raise HttpError(404, f"{call.repo.name} has no {what} {name}", "RevisionNotFound")
        others = {key: value for key, value in there.items() if key != name}
        now = others | ({name: commit} if commit else {})
        call.hub.store.save(call.repo, **{attribute: now})
    return Response.json({})


def tag(call: RequestContext) -> Response:
    return change(call, "tag", str(call.request.json()["tag"]), call.commit.name)


def untag(call: RequestContext) -> Response:
    return change(call, "tag", call.parts["name"], "")


def branch(call: RequestContext) -> Response:
    start = call.repo.at(call.request.json().get("startingPoint") or "main")
    return change(call, "branch", call.parts["name"], start.name)


def unbranch(call: RequestContext) -> Response:
    if call.parts["name"] == "main":
        raise HttpError(403, "main stays")
    return change(call, "branch", call.parts["name"], "")


def commits(call: RequestContext) -> Response:
    """From the newest to the first."""
    return Response.json(
        [
            {
                "id": commit.name,
                "title": commit.title,
                "message": commit.message,
                "date": commit.date,
                "authors": [{"user": commit.author}],
            }
            for commit in call.repo.history(call.commit)
        ]
    )


ROUTES = [
    ("GET", "/api/{kinds}/{repo}/refs", "read", listed),
    ("GET", "/api/{kinds}/{repo}/commits/{revision}", "read", commits),
    ("POST", "/api/{kinds}/{repo}/tag/{revision}", "write", tag),
    ("DELETE", "/api/{kinds}/{repo}/tag/{name}", "write", untag),
    ("POST", "/api/{kinds}/{repo}/branch/{name}", "write", branch),
    ("DELETE", "/api/{kinds}/{repo}/branch/{name}", "write", unbranch),
]
