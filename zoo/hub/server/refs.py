"""Branches, tags and the history."""

import msgspec
from starlette.responses import Response

from zoo.hub.server.context import RequestContext, route
from zoo.hub.server.http import UNPRINTABLE, HttpError, json_response
from zoo.hub.server.store import COMMIT

# the dictionary of a repository that holds a kind of reference, and git's folder for it
REFS = {"branch": ("branches", "heads"), "tag": ("tags", "tags")}


class NewTag(msgspec.Struct):
    """Body of a request for a tag."""

    tag: str


class NewBranch(msgspec.Struct, rename="camel"):
    """Body of a request for a branch."""

    starting_point: str | None = None


def list_refs(call: RequestContext) -> Response:
    refs = {
        attribute: [
            {"name": name, "ref": f"refs/{folder}/{name}", "targetCommit": commit}
            for name, commit in getattr(call.repo, attribute).items()
        ]
        for attribute, folder in REFS.values()
    }
    return json_response({**refs, "converts": [], "pullRequests": []})


def set_reference(call: RequestContext, kind: str, name: str, commit: str | None) -> Response:
    """Add a reference; without a commit, delete it."""
    attribute, _ = REFS[kind]
    if not name or COMMIT.fullmatch(name) or UNPRINTABLE.search(name):
        raise HttpError(400, f"a {kind} has a name that is not a commit's, and printable")
    with call.hub.store.lock:
        names = dict(getattr(call.repo, attribute))
        if commit and name in names:
            raise HttpError(409, f"{call.repo.name} has a {kind} {name} already")
        if commit:
            names[name] = commit
        elif names.pop(name, None) is None:
            raise HttpError(404, f"{call.repo.name} has no {kind} {name}", "RevisionNotFound")
        call.hub.store.save(call.repo, **{attribute: names})
    return json_response({})


def add_tag(call: RequestContext, body: NewTag) -> Response:
    return set_reference(call, "tag", body.tag, call.commit.name)


def delete_tag(call: RequestContext) -> Response:
    return set_reference(call, "tag", call.params["name"], None)


def add_branch(call: RequestContext, body: NewBranch) -> Response:
    start = call.repo.at(body.starting_point or "main")
    return set_reference(call, "branch", call.params["name"], start.name)


def delete_branch(call: RequestContext) -> Response:
    if call.params["name"] == "main":
        raise HttpError(403, "main stays")
    return set_reference(call, "branch", call.params["name"], None)


def list_commits(call: RequestContext) -> Response:
    """Return the history from the newest to the first commit."""
    return json_response(
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
    route("GET", "/api/{kinds}/{repo}/refs", list_refs, "read"),
    route("GET", "/api/{kinds}/{repo}/commits/{revision}", list_commits, "read"),
    route("POST", "/api/{kinds}/{repo}/tag/{revision}", add_tag, "write", body=NewTag),
    route("DELETE", "/api/{kinds}/{repo}/tag/{name}", delete_tag, "write"),
    route("POST", "/api/{kinds}/{repo}/branch/{name}", add_branch, "write", body=NewBranch),
    route("DELETE", "/api/{kinds}/{repo}/branch/{name}", delete_branch, "write"),
]
