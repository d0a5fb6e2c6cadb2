"""Large files by git-lfs: where to put them, in one piece or in parts."""

import shutil
from pathlib import Path
from typing import Any

from zoo.hub.server.context import RequestContext
from zoo.hub.server.http import HttpError, Response, pieces_of
from zoo.hub.server.store import whole


def batch(call: RequestContext) -> Response:
    """For each object, the addresses that it is sent to; none if it is here."""
    asked = call.request.json()
    if asked.get("operation") != "upload":
        raise HttpError(400, "only uploads; downloads go by /resolve/")
    offered = asked.get("transfers", [])
    if "xet" in offered:  # huggingface_hub 1.0 asks here whether to upload by Xet
        return Response.json({"transfer": "xet", "objects": asked["objects"]})
    parts = "multipart" in offered
    objects = [planned(call, one["oid"], int(one["size"]), parts) for one in asked["objects"]]
    several = any("header" in o.get("actions", {}).get("upload", {}) for o in objects)
    return Response.json({"transfer": "multipart" if several else "basic", "objects": objects})


def planned(call: RequestContext, oid: str, size: int, parts: bool) -> dict[str, Any]:
    known: dict[str, Any] = {"oid": oid, "size": size}
    if call.hub.store.path(oid):
        return known
    step, purpose = call.hub.part_size, f"put {oid}"
    verify = {"href": call.url(f"/lfs/{oid}/verify", purpose)}
    if not parts or size <= step:
        return known | {"actions": {"upload": {"href": call.url(f"/lfs/{oid}", purpose)}}}
    header = {
        f"{number:05d}": call.url(f"/lfs/{oid}/parts/{number}", purpose)
        for number in range(1, -(-size // step) + 1)
    }
    upload = {"href": call.url(f"/lfs/{oid}/complete", purpose)}
    upload |= {"header": {"chunk_size": str(step), **header}}  # type: ignore[dict-item]
    return known | {"actions": {"upload": upload, "verify": verify}}


def put(call: RequestContext) -> Response:
    """The whole of an object."""
    oid = call.parts["sha256"]
    call.admit(f"put {oid}")
    call.hub.store.keep(call.request.body(), oid)
    return Response.json({})


def parts_of(call: RequestContext) -> Path:
    oid = call.parts["sha256"]
    call.admit(f"put {oid}")
    return call.hub.store.root / "parts" / oid


def put_part(call: RequestContext) -> Response:
    path = parts_of(call) / f"{int(call.parts['name']):05d}"
    with whole(path) as part, part.open("wb") as file:
        for piece in call.request.body():
            file.write(piece)
    return Response.json({}, headers={"ETag": f'"{path.name}"'})


def complete(call: RequestContext) -> Response:
    """All parts have come: one object."""
    folder, oid = parts_of(call), call.parts["sha256"]
    names = [str(part["etag"]).strip('"') for part in call.request.json()["parts"]]
    paths = [folder / name for name in names]
    if not all(name.isdigit() and path.exists() for name, path in zip(names, paths, strict=True)):
        raise HttpError(400, f"parts of {oid} have not arrived")
    found = (piece for path in paths for piece in pieces_of(path, 0, path.stat().st_size))
    call.hub.store.keep(found, oid)
    shutil.rmtree(folder)
    return Response.json({})


def verify(call: RequestContext) -> Response:
    call.admit(f"put {call.parts['sha256']}")
    path = call.hub.store.path(call.parts["sha256"])
    if not path or path.stat().st_size != call.request.json()["size"]:
        raise HttpError(404, f"{call.parts['sha256']} has not arrived")
    return Response.json({})


ROUTES = [
    ("POST", r"/{prefix}{repo}\.git/info/lfs/objects/batch", "write", batch),
    ("PUT", "/lfs/{sha256}", "ticket", put),
    ("PUT", "/lfs/{sha256}/parts/{name}", "ticket", put_part),
    ("POST", "/lfs/{sha256}/complete", "ticket", complete),
    ("POST", "/lfs/{sha256}/verify", "ticket", verify),
]
