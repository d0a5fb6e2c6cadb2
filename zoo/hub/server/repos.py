"""What is in a repository: its description, its tree, and the list of all repositories."""

import hashlib
from typing import Any
from urllib.parse import parse_qs, urlencode

from zoo.hub.server.auth import card_data
from zoo.hub.server.context import RequestContext
from zoo.hub.server.http import PIECE, HttpError, Response
from zoo.hub.server.store import Commit, File, Repo, folders_of

YES = {"true", "1", "yes"}


def card(call: RequestContext, commit: Commit) -> dict[str, Any]:
    """The metadata of the README; nothing if it is broken, as a page must be shown anyway."""
    file = commit.files.get("README.md")
    path = file and file.size <= PIECE and call.hub.store.path(file.sha256)
    try:
        return card_data(path.read_text("utf-8")) if path else {}
    except ValueError:
        return {}


def large(file: File) -> dict[str, Any]:
    """What is said of contents that git does not hold."""
    size = {"size": file.size, "pointerSize": 134}
    return {"oid": file.sha256, "sha256": file.sha256, **size}


def sibling(path: str, file: File) -> dict[str, Any]:
    lfs = {"lfs": large(file)} if file.lfs else {}
    return {"rfilename": path, "size": file.size, "blobId": file.oid, **lfs}


def described(call: RequestContext, repo: Repo, commit: Commit) -> dict[str, Any]:
    """All that is known, whatever `expand` asks for."""
    data = card(call, commit)
    kept = ["tags"] if isinstance(data.get("tags"), list) else []
    tags = [str(tag) for key in kept for tag in data[key]]
    tags += [f"license:{data['license']}"] if "license" in data else []
    tags += [str(data[key]) for key in ("library_name", "pipeline_tag") if key in data]
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
        "cardData": data,
        "siblings": [sibling(path, file) for path, file in sorted(commit.files.items())],
        **{
            key: data[key] for key in ("pipeline_tag", "library_name", "model-index") if key in data
        },
    }


def info(call: RequestContext) -> Response:
    return Response.json(described(call, call.repo, call.commit))


def listed(call: RequestContext) -> Response:
    """Repositories that this user may know of, by name, `limit` at a time."""
    ask, store = call.request.ask, call.hub.store
    found = [
        described(call, repo, repo.at("main"))
        for (kind, name), repo in sorted(store.repos().items())
        if kind == call.kind
        and "main" in repo.branches
        and repo.shown_to(call.user)
        and ask("search").lower() in name.lower()
        and ask("author") in ("", name.partition("/")[0])
    ]
    wanted = set(call.request.query.get("filter", []))
    found = [one for one in found if wanted <= set(one["tags"])]
    start, count = int(ask("cursor", "0")), int(ask("limit", "1000"))
    headers = {}
    if start + count < len(found):
        query = call.request.query | {"cursor": [str(start + count)]}
        url = call.url(f"{call.request.path}?{urlencode(query, doseq=True)}")
        headers["Link"] = f'<{url}>; rel="next"'
    return Response.json(found[start : start + count], headers=headers)


def item(call: RequestContext, path: str, file: File) -> dict[str, Any]:
    """A file of a tree."""
    xet = call.hub.xet.hashes.get(file.sha256) if file.lfs else None
    facts = ({"lfs": large(file)} if file.lfs else {}) | ({"xetHash": xet} if xet else {})
    return {"type": "file", "path": path, "size": file.size, "oid": file.oid, **facts}


def folder(commit: Commit, path: str) -> dict[str, Any]:
    """A folder of a tree, named by what is in it."""
    inside = [f"{k} {f.oid}" for k, f in sorted(commit.files.items()) if k.startswith(f"{path}/")]
    oid = hashlib.sha1("\n".join(inside).encode()).hexdigest()
    return {"type": "directory", "path": path, "size": 0, "oid": oid}


def tree(call: RequestContext) -> Response:
    """Files and folders under a path; all of them, or those right below it."""
    commit, top = call.commit, call.parts["path"].strip("/")
    start, deep = f"{top}/" if top else "", call.request.ask("recursive").lower() in YES
    inside = [path for path in sorted(commit.files) if path.startswith(start)]
    if top and not inside:
        raise HttpError(404, f"{top} is not at {commit.name}", "EntryNotFound")

    def shown(path: str) -> bool:
        return path.startswith(start) and (deep or "/" not in path[len(start) :])

    found = [folder(commit, path) for path in sorted(folders_of(commit.files)) if shown(path)]
    found += [item(call, path, commit.files[path]) for path in inside if shown(path)]
    return Response.json(found)


def paths_info(call: RequestContext) -> Response:
    """The same for the paths that a form names; nothing for those that are not there."""
    text, commit = call.request.read(), call.commit
    if "json" in call.request.headers.get("Content-Type", ""):
        raise HttpError(400, "paths come as a form")
    paths = [path.strip("/") for path in parse_qs(text.decode()).get("paths", [])]
    there = folders_of(commit.files)
    found = [item(call, path, commit.files[path]) for path in paths if path in commit.files]
    return Response.json(found + [folder(commit, path) for path in paths if path in there])


def may_read(call: RequestContext) -> Response:
    """`auth_check`: the right was looked at already."""
    return Response.json({})


def no_discussions(call: RequestContext) -> Response:
    return Response.json({"discussions": [], "count": 0, "start": 0})


ROUTES = [
    ("GET", "/api/{kinds}", "", listed),
    ("GET", "/api/{kinds}/{repo}/tree/{revision}(?:/{path})?", "read", tree),
    ("POST", "/api/{kinds}/{repo}/paths-info/{revision}", "read", paths_info),
    ("GET", "/api/{kinds}/{repo}/auth-check", "content", may_read),
    ("GET", "/api/{kinds}/{repo}/discussions", "read", no_discussions),
    ("GET", "/api/{kinds}/{repo}/revision/{revision}", "read", info),
    ("GET", "/api/{kinds}/{repo}", "read", info),
]
