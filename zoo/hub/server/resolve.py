"""Downloads: /resolve/, and the other address that large files come from."""

from urllib.parse import quote

from zoo.hub.server.context import RequestContext
from zoo.hub.server.http import HttpError, Response, part


def resolve(call: RequestContext) -> Response:
    """A file; a large one is only pointed at if such come from another host.

    Not from this one: huggingface_hub 2 follows a redirect within a host and then lacks the commit.
    """
    commit, path, repo = call.commit, call.parts["path"], call.repo
    here = {"X-Repo-Commit": commit.name}
    if path not in commit.files:
        where = f"{path} is not at {commit.name}"
        raise HttpError(404, where, "EntryNotFound", **{"X-Repo-Commit": commit.name})
    file = commit.files[path]
    content = call.hub.store.path(file.sha256)
    if content is None:
        raise HttpError(500, f"the contents of {path} are gone")
    headers = {**here, "ETag": f'"{file.sha256 if file.lfs else file.oid}"'}
    if file.lfs:
        headers |= {"X-Linked-Etag": headers["ETag"], "X-Linked-Size": str(file.size)}
    if xet := call.hub.xet.hashes.get(file.sha256) if file.lfs else None:
        url = call.url(f"/api/{repo.kind}s/{repo.name}/xet-read-token/{commit.name}")
        headers |= {"X-Xet-Hash": xet, "Link": f'<{url}>; rel="xet-auth"'}
    if not (file.lfs and call.hub.downloads):
        return part(call.request, content, file.size, headers)
    ticket, name = call.hub.ticket(f"get {file.sha256}"), quote(path.rsplit("/", 1)[-1])
    location = f"{call.hub.downloads}/cdn/{file.sha256}/{name}?ticket={ticket}"
    return Response(302, {**headers, "Location": location})


def download(call: RequestContext) -> Response:
    """The contents that a signed address names."""
    sha256 = call.parts["sha256"]
    call.admit(f"get {sha256}")
    content = call.hub.store.path(sha256)
    if content is None:
        raise HttpError(404, f"{sha256} is not here")
    return part(call.request, content, content.stat().st_size, {"ETag": f'"{sha256}"'})


ROUTES = [
    ("GET", "/{prefix}{repo}/resolve/{revision}/{path}", "content", resolve),
    ("GET", "/cdn/{sha256}/{name}", "ticket", download),
]
