"""The files of a commit: trees, downloads by /resolve/, and the address of large files."""

import hashlib
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs, quote

from starlette.responses import Response

from zoo.hub.server.context import RequestContext, route
from zoo.hub.server.http import HttpError, file_response, json_response
from zoo.hub.server.repos import lfs_fields
from zoo.hub.server.store import Commit, File


def describe_file(call: RequestContext, path: str, file: File) -> dict[str, Any]:
    xet = call.hub.xet.hashes.get(file.sha256) if file.lfs else None
    fields = lfs_fields(file) | ({"xetHash": xet} if xet else {})
    return {"type": "file", "path": path, "size": file.size, "oid": file.oid, **fields}


def describe_folders(commit: Commit) -> dict[str, dict[str, Any]]:
    """Return all folders by path, each named by a sum of what is in it."""
    digests: dict[str, Any] = {}
    for path, file in sorted(commit.files.items()):
        for parent in PurePosixPath(path).parents[:-1]:
            digest = digests.setdefault(str(parent), hashlib.sha1())
            digest.update(f"{path} {file.oid}\n".encode())
    return {
        path: {"type": "directory", "path": path, "size": 0, "oid": digests[path].hexdigest()}
        for path in sorted(digests)
    }


def tree(call: RequestContext) -> Response:
    """Return files and folders under a path: all of them, or those right below it."""
    commit, top = call.commit, call.params["subpath"].strip("/")
    start = f"{top}/" if top else ""
    deep = call.request.query_params.get("recursive", "").lower() in ("true", "1", "yes")
    if top and not any(path.startswith(start) for path in commit.files):
        raise HttpError(404, f"{top} is not at {commit.name}", "EntryNotFound")

    def is_listed(path: str) -> bool:
        return path.startswith(start) and (deep or "/" not in path[len(start) :])

    folders = [item for path, item in describe_folders(commit).items() if is_listed(path)]
    files = [item for item in sorted(commit.files.items()) if is_listed(item[0])]
    return json_response(folders + [describe_file(call, *item) for item in files])


def paths_info(call: RequestContext, body: bytes) -> Response:
    """Return the files and folders that a form names; nothing for those that do not exist."""
    if "json" in call.request.headers.get("Content-Type", ""):
        raise HttpError(400, "paths come as a form")
    paths = parse_qs(body.decode("utf-8", "replace")).get("paths", [])
    files, folders = call.commit.files, describe_folders(call.commit)
    paths = list(dict.fromkeys(path.strip("/") for path in paths))
    items = [describe_file(call, path, files[path]) for path in paths if path in files]
    return json_response(items + [folders[path] for path in paths if path in folders])


def resolve(call: RequestContext) -> Response:
    """Return a file, or the address of a large one if such come from another host.

    Not from this one: huggingface_hub 2 follows a redirect within a host and then lacks the commit.
    """
    commit, path = call.commit, call.params["path"]
    headers = {"X-Repo-Commit": commit.name}
    if path not in commit.files:
        raise HttpError(404, f"{path} is not at {commit.name}", "EntryNotFound", headers)
    file = commit.files[path]
    content = call.hub.store.path(file.sha256)
    if content is None:
        raise HttpError(500, f"the contents of {path} are gone")
    headers |= {"ETag": f'"{file.sha256 if file.lfs else file.oid}"'}
    if file.lfs:
        headers |= {"X-Linked-Etag": headers["ETag"], "X-Linked-Size": str(file.size)}
    if xet := call.hub.xet.hashes.get(file.sha256) if file.lfs else None:
        url = call.url(f"/api/{call.kind}s/{call.repo.name}/xet-read-token/{commit.name}")
        headers |= {"X-Xet-Hash": xet, "Link": f'<{url}>; rel="xet-auth"'}
    if not (file.lfs and call.hub.downloads):
        return file_response(call.request, content, file.size, headers)
    ticket, name = call.hub.ticket(f"get {file.sha256}"), quote(path.rsplit("/", 1)[-1])
    headers |= {"Location": f"{call.hub.downloads}/cdn/{file.sha256}/{name}?ticket={ticket}"}
    return Response(status_code=302, headers=headers)


def download(call: RequestContext) -> Response:
    """Return the contents that a signed address names."""
    sha256 = call.params["sha256"]
    content = call.hub.store.path(sha256)
    if content is None:
        raise HttpError(404, f"{sha256} is not here")
    headers = {"ETag": f'"{sha256}"'}
    return file_response(call.request, content, content.stat().st_size, headers)


NO_DISCUSSIONS = {"discussions": [], "count": 0, "start": 0}
ROUTES = [
    route("GET", "/api/{kinds}/{repo}/tree/{revision}{subpath}", tree, "read"),
    route("POST", "/api/{kinds}/{repo}/paths-info/{revision}", paths_info, "read", body=bytes),
    route("GET", "/api/{kinds}/{repo}/auth-check", lambda call: json_response({}), "content"),
    route(
        "GET", "/api/{kinds}/{repo}/discussions", lambda call: json_response(NO_DISCUSSIONS), "read"
    ),
    route("GET", "/{prefix}{repo}/resolve/{revision}/{path}", resolve, "content"),
    route("GET", "/cdn/{sha256}/{name}", download, ticket="get {sha256}"),
]
