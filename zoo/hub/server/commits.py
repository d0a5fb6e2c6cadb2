"""A push: how each file should come (preupload), and the commit that names them all."""

import base64
import binascii
from collections.abc import Callable
from typing import Any

from zoo.hub.server.context import RequestContext
from zoo.hub.server.http import HttpError, Response, loads
from zoo.hub.server.store import File, Store, folders_of, git_oid, is_large, pointer

Files = dict[str, File]


def preupload(call: RequestContext) -> Response:
    """Large or regular, and what is there now, so that the client leaves out what it has."""
    there = call.commit.files

    def mode(asked: dict[str, Any]) -> dict[str, Any]:
        path, now = asked["path"], there.get(asked["path"])
        big = is_large(path, int(asked["size"]), base64.b64decode(asked.get("sample") or ""))
        oid = now and (now.sha256 if now.lfs else now.oid)
        upload = "lfs" if big else "regular"
        return {"path": path, "uploadMode": upload, "shouldIgnore": False, "oid": oid}

    try:
        return Response.json({"files": [mode(asked) for asked in call.request.json()["files"]]})
    except (KeyError, TypeError, ValueError) as error:
        raise HttpError(400, f"files lack path, size or a sample: {error!r}") from None


def checked(path: str) -> str:
    """A path that may stand in a tree."""
    parts = path.split("/")
    if any(part in ("", ".", "..", ".git") for part in parts) or "\\" in path or "\0" in path:
        raise HttpError(400, f"{path!r} is no path of a file")
    return path


def add(store: Store, files: Files, value: dict[str, Any]) -> None:
    try:
        content = base64.b64decode(value["content"], validate=True)
    except binascii.Error as error:
        raise HttpError(400, f"{value['path']}: {error}") from None
    sha256 = store.keep([content])
    files[checked(value["path"])] = File(sha256, len(content), git_oid(content), False)


def add_large(store: Store, files: Files, value: dict[str, Any]) -> None:
    sha256 = value["oid"]
    path = store.path(sha256) if len(sha256) == 64 and sha256.isalnum() else None
    if path is None:
        raise HttpError(400, f"{value['path']}: no contents with sha256 {sha256} have arrived")
    size = path.stat().st_size
    files[checked(value["path"])] = File(sha256, size, git_oid(pointer(sha256, size)), True)


def remove(store: Store, files: Files, value: dict[str, Any]) -> None:
    if files.pop(value["path"], None) is None:
        raise HttpError(404, f"there is no {value['path']} to delete", "EntryNotFound")


def remove_folder(store: Store, files: Files, value: dict[str, Any]) -> None:
    start = value["path"].strip("/") + "/"
    gone = [path for path in files if path.startswith(start)]
    if not gone:
        raise HttpError(404, f"there is no folder {start} to delete", "EntryNotFound")
    for path in gone:
        del files[path]


OPERATIONS: dict[str, Callable[[Store, Files, dict[str, Any]], None]] = {
    "file": add,
    "lfsFile": add_large,
    "deletedFile": remove,
    "deletedFolder": remove_folder,
}


def commit(call: RequestContext) -> Response:
    """Lines of JSON: a header, then what to do; done as a whole or not at all."""
    lines = [loads(line) for line in call.request.read().splitlines() if line.strip()]
    store, branch = call.hub.store, call.parts["revision"].removeprefix("refs/heads/")
    if call.request.ask("create_pr"):
        raise HttpError(400, "this Hub has no pull requests")
    header: dict[str, Any] = next((line["value"] for line in lines if line["key"] == "header"), {})
    with store.lock:
        if branch not in call.repo.branches:
            raise HttpError(404, f"{call.repo.name} has no branch {branch}", "RevisionNotFound")
        head = call.repo.at(branch)
        if header.get("parentCommit") not in (None, head.name):
            raise HttpError(412, f"{branch} is at {head.name} by now")
        files = changed(store, head.files, [line for line in lines if line["key"] != "header"])
        title, message = str(header.get("summary", "")), str(header.get("description", ""))
        text = {"title": title, "message": message, "author": call.author}
        made = store.commit(call.repo, branch, files, **text)
    url = call.url(f"/{call.repo.prefix}{call.repo.name}/commit/{made.name}")
    return Response.json(
        {"success": True, "commitOid": made.name, "commitUrl": url, "hookOutput": ""}
    )


def changed(store: Store, before: Files, lines: list[dict[str, Any]]) -> Files:
    """The tree after all operations."""
    files = dict(before)
    for line in lines:
        if line["key"] not in OPERATIONS:
            raise HttpError(400, f"no operation {line['key']!r}")
        try:
            OPERATIONS[line["key"]](store, files, line["value"])
        except (KeyError, TypeError, AttributeError) as error:
            raise HttpError(400, f"{line['key']} lacks something: {error!r}") from None
    if both := sorted(folders_of(files) & set(files)):
        raise HttpError(400, f"{both[0]} would be a file and a folder")
    return files


ROUTES = [
    ("POST", "/api/{kinds}/{repo}/preupload/{revision}", "write", preupload),
    ("POST", "/api/{kinds}/{repo}/commit/{revision}", "write", commit),
]
