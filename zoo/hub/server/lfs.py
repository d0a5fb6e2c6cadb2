"""Large files by git-lfs: where to put them, in one piece or in parts."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from starlette.responses import Response

from zoo._io import atomic_path
from zoo.hub.server.commits import Sha256
from zoo.hub.server.context import RequestContext, route
from zoo.hub.server.http import Body, json_response, read_pieces

MAX_PARTS = 1000
Size = Annotated[int, msgspec.Meta(ge=0, le=1 << 44)]


class LfsObject(msgspec.Struct):
    """An object that a client is about to send."""

    oid: Sha256
    size: Size


class Batch(msgspec.Struct):
    """Body of a request for addresses."""

    operation: Literal["upload"]
    objects: list[LfsObject]
    transfers: list[str] = []


def batch(call: RequestContext, body: Batch) -> Response:
    """Return for each object the addresses that it is sent to; none if it is here."""
    if "xet" in body.transfers:  # huggingface_hub 1.0 asks here whether to upload by Xet
        return json_response({"transfer": "xet", "objects": body.objects})
    in_parts = "multipart" in body.transfers
    objects = [plan(call, item, in_parts) for item in body.objects]
    several = any("header" in o.get("actions", {}).get("upload", {}) for o in objects)
    return json_response({"transfer": "multipart" if several else "basic", "objects": objects})


def plan(call: RequestContext, item: LfsObject, in_parts: bool) -> dict[str, Any]:
    oid, size = item.oid, item.size
    planned: dict[str, Any] = {"oid": oid, "size": size}
    if call.hub.store.path(oid):
        return planned
    step, purpose = max(call.hub.part_size, -(-size // MAX_PARTS)), f"put {oid}"
    if not in_parts or size <= step:
        return planned | {"actions": {"upload": {"href": call.url(f"/lfs/{oid}", purpose)}}}
    header = {
        f"{number:05d}": call.url(f"/lfs/{oid}/parts/{number}", purpose)
        for number in range(1, -(-size // step) + 1)
    }
    upload = {
        "href": call.url(f"/lfs/{oid}/complete", purpose),
        "header": {"chunk_size": str(step), **header},
    }
    return planned | {"actions": {"upload": upload}}


def put(call: RequestContext, pieces: Iterator[bytes]) -> Response:
    """Keep the whole of an object."""
    call.hub.store.keep(pieces, call.params["sha256"])
    return json_response({})


def parts_folder(call: RequestContext) -> Path:
    return call.hub.store.root / "parts" / call.params["sha256"]


def put_part(call: RequestContext, pieces: Iterator[bytes]) -> Response:
    path = parts_folder(call) / f"{int(call.params['number']):05d}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as part, part.open("wb") as file:
        file.writelines(pieces)
    return json_response({}, headers={"ETag": f'"{path.name}"'})


def complete(call: RequestContext) -> Response:
    """Join the parts; one that is missing is seen by the sum."""
    paths = sorted(parts_folder(call).glob("[0-9]*"))
    pieces = (piece for path in paths for piece in read_pieces(path, 0, path.stat().st_size))
    call.hub.store.keep(pieces, call.params["sha256"])
    shutil.rmtree(parts_folder(call), ignore_errors=True)
    return json_response({})


PUT = "put {sha256}"
ROUTES = [
    route("POST", "/{prefix}{repo}.git/info/lfs/objects/batch", batch, "write", body=Batch),
    route("PUT", "/lfs/{sha256}", put, ticket=PUT, body=Body),
    route("PUT", "/lfs/{sha256}/parts/{number}", put_part, ticket=PUT, body=Body),
    route("POST", "/lfs/{sha256}/complete", complete, ticket=PUT),
]
