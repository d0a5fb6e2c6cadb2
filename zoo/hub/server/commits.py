"""A push: how each file should come (preupload), and the commit that names them all."""

from pathlib import PurePosixPath
from typing import Annotated, Any

import msgspec
from starlette.responses import Response

from zoo.hub.server.context import RequestContext, route
from zoo.hub.server.http import UNPRINTABLE, HttpError, decode, json_response
from zoo.hub.server.store import File, Store, git_oid, is_large, pointer

Files = dict[str, File]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class PlannedFile(msgspec.Struct):
    """A file that a client is about to send."""

    path: str
    size: Annotated[int, msgspec.Meta(ge=0)]
    sample: bytes | None = None  # its first bytes


class Preupload(msgspec.Struct):
    """Body of a request before a push."""

    files: list[PlannedFile]


class Header(msgspec.Struct, rename="camel"):
    """First line of a commit."""

    summary: str = ""
    description: str = ""
    parent_commit: str | None = None


class RegularFile(msgspec.Struct):
    """Line of a commit: a file with its contents."""

    path: str
    content: bytes

    def apply(self, store: Store, files: Files) -> None:
        sha256, size = store.keep([self.content]), len(self.content)
        files[check_path(self.path)] = File(sha256, size, git_oid(self.content), False)


class LfsFile(msgspec.Struct):
    """Line of a commit: a file whose contents came before."""

    path: str
    oid: Sha256

    def apply(self, store: Store, files: Files) -> None:
        path = store.path(self.oid)
        if path is None:
            raise HttpError(400, f"{self.path}: no contents with sha256 {self.oid} have arrived")
        size = path.stat().st_size
        oid = git_oid(pointer(self.oid, size))
        files[check_path(self.path)] = File(self.oid, size, oid, True)


class DeletedFile(msgspec.Struct):
    """Line of a commit."""

    path: str

    def apply(self, store: Store, files: Files) -> None:
        if files.pop(self.path, None) is None:
            raise HttpError(404, f"there is no {self.path} to delete", "EntryNotFound")


class DeletedFolder(msgspec.Struct):
    """Line of a commit."""

    path: str

    def apply(self, store: Store, files: Files) -> None:
        start = self.path.strip("/") + "/"
        paths = [path for path in files if path.startswith(start)]
        if not paths:
            raise HttpError(404, f"there is no folder {start} to delete", "EntryNotFound")
        for path in paths:
            del files[path]


class Line(msgspec.Struct):
    """Line of a commit, whose value is still to be read."""

    key: str
    value: msgspec.Raw


OPERATIONS: dict[str, type[RegularFile | LfsFile | DeletedFile | DeletedFolder]] = {
    "file": RegularFile,
    "lfsFile": LfsFile,
    "deletedFile": DeletedFile,
    "deletedFolder": DeletedFolder,
}


def check_path(path: str) -> str:
    """Return the path of a file in a tree. Raises HttpError for one that may not stand there."""
    is_odd = any(part in ("", ".", "..", ".git") for part in path.split("/"))
    if is_odd or "\\" in path or UNPRINTABLE.search(path):
        raise HttpError(400, f"{path!r} is no path of a file")
    return path


def preupload(call: RequestContext, body: Preupload) -> Response:
    """Tell for each file how to upload it, and what is there, so that none is sent twice."""
    files = call.commit.files

    def plan(planned: PlannedFile) -> dict[str, Any]:
        file = files.get(planned.path)
        large = is_large(planned.path, planned.size, planned.sample or b"")
        oid = file and (file.sha256 if file.lfs else file.oid)
        mode = "lfs" if large else "regular"
        return {"path": planned.path, "uploadMode": mode, "shouldIgnore": False, "oid": oid}

    return json_response({"files": [plan(planned) for planned in body.files]})


def commit(call: RequestContext, body: bytes) -> Response:
    """Do all that the lines of JSON ask for, or nothing."""
    lines = [decode(line, Line) for line in body.splitlines() if line.strip()]
    headers = [decode(line.value, Header) for line in lines if line.key == "header"]
    header = headers[0] if headers else Header()
    store, branch = call.hub.store, call.params["revision"].removeprefix("refs/heads/")
    if call.request.query_params.get("create_pr"):
        raise HttpError(400, "this Hub has no pull requests")
    with store.lock:
        if branch not in call.repo.branches:
            raise HttpError(404, f"{call.repo.name} has no branch {branch}", "RevisionNotFound")
        head = call.repo.commits[call.repo.branches[branch]]
        if header.parent_commit not in (None, head.name):
            raise HttpError(412, f"{branch} is at {head.name} by now")
        files = apply(store, head.files, [line for line in lines if line.key != "header"])
        text = {"title": header.summary, "message": header.description, "author": call.author}
        new = store.commit(call.repo, branch, files, **text)
    url = call.url(f"{call.repo.path}/commit/{new.name}")
    return json_response(
        {"success": True, "commitOid": new.name, "commitUrl": url, "hookOutput": ""}
    )


def apply(store: Store, before: Files, lines: list[Line]) -> Files:
    """Return the tree after all operations."""
    files = dict(before)
    for line in lines:
        if line.key not in OPERATIONS:
            raise HttpError(400, f"no operation {line.key!r}")
        decode(line.value, OPERATIONS[line.key]).apply(store, files)
    folders = {str(parent) for path in files for parent in PurePosixPath(path).parents}
    if both := sorted(folders & set(files)):
        raise HttpError(400, f"{both[0]} would be a file and a folder")
    return files


ROUTES = [
    route("POST", "/api/{kinds}/{repo}/preupload/{revision}", preupload, "write", body=Preupload),
    route("POST", "/api/{kinds}/{repo}/commit/{revision}", commit, "write", body=bytes),
]
