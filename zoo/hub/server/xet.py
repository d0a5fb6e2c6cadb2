"""Xet's storage: files as rows of chunks, the chunks in xorbs, uploads described by shards.

A shard is 48 bytes of header, then for each file records of 48 bytes: its hash, flags and number of
terms; the terms (xorb, flags, bytes, first chunk, past the last); as many checks if bit 31 is set;
its sha256 if bit 30 is. A hash of 32 bytes FF ends them. A xorb keeps the hash that it came with
(BLAKE3, which Python lacks); a file is unpacked once and held against its sha256.
"""

import struct
from typing import Any

from zoo.hub.server.context import RequestContext
from zoo.hub.server.http import HttpError, Response, part, span
from zoo.hub.server.xet_store import parse


def admit(call: RequestContext, *rights: str) -> None:
    """Refuses a token that was not given out for one of these rights, or for another storage."""
    if call.parts["storage"] != call.hub.xet.id:
        raise HttpError(404, "this storage is not here")
    if not any(call.hub.admits(f"xet {right}", call.request.token) for right in rights):
        raise HttpError(401, "no token of this storage, or too old")


def token(call: RequestContext, right: str) -> Response:
    """What the storage is asked with, as JSON for hf_xet and as headers for Python."""
    leave = call.hub.ticket(f"xet {right}")
    until, _, _ = leave.partition(".")
    storage = f"{call.request.base}/xet-{call.hub.xet.id}"
    headers = {
        "X-Xet-Cas-Url": storage,
        "X-Xet-Access-Token": leave,
        "X-Xet-Token-Expiration": until,
    }
    body = {"casUrl": storage, "accessToken": leave, "exp": int(until)}
    return Response.json(body, headers=headers)


def add_xorb(call: RequestContext) -> Response:
    admit(call, "write")
    inserted = call.hub.xet.add_xorb(call.parts["sha256"], call.request.read())
    return Response.json({"was_inserted": inserted})


def add_shard(call: RequestContext) -> Response:
    admit(call, "write")
    shard = call.request.read()
    try:
        files = list(parse(shard))
    except (struct.error, ValueError) as error:
        raise HttpError(400, f"no shard: {error}") from None
    for file in files:
        call.hub.xet.add_file(file)
    return Response.json({"result": 1})


def reconstruction(call: RequestContext) -> Response:
    """Which bytes of which xorbs make a file, or a part of it."""
    admit(call, "read", "write")
    xet, name = call.hub.xet, call.parts["sha256"]
    terms = xet.terms(name)
    size = sum(place.size for term in terms for place in xet.places(term))
    begin, end = span(call.request.headers.get("Range"), size) or (0, size)
    offset, wanted = xet.cover(terms, begin, end)
    fetch: dict[str, list[dict[str, Any]]] = {}
    listed = []
    for term in wanted:
        inside = xet.places(term)
        chosen = {"start": term.first, "end": term.last}
        length = sum(place.size for place in inside)
        listed.append({"hash": term.xorb, "unpacked_length": length, "range": chosen})
        url = call.url(f"/xorbs/{term.xorb}", f"xorb {term.xorb}")
        bounds = {"start": inside[0].start, "end": inside[-1].end - 1}
        one = {"range": chosen, "url": url, "url_range": bounds}
        fetch.setdefault(term.xorb, []).append(one)
    facts = {"offset_into_first_range": offset, "terms": listed, "fetch_info": fetch}
    return Response.json(facts)


def get_xorb(call: RequestContext) -> Response:
    name = call.parts["sha256"]
    call.admit(f"xorb {name}")
    path = call.hub.xet.xorbs / name
    return part(call.request, path, path.stat().st_size, {})


ROUTES = [
    ("GET", "/api/{kinds}/{repo}/xet-read-token/{revision}", "content", lambda c: token(c, "read")),
    ("GET", "/api/{kinds}/{repo}/xet-write-token/{revision}", "write", lambda c: token(c, "write")),
    ("POST", "{storage}/v1/xorbs/default/{sha256}", "ticket", add_xorb),
    ("POST", "{storage}/v1/shards", "ticket", add_shard),
    ("GET", "{storage}/v1/reconstructions/{sha256}", "ticket", reconstruction),
    ("GET", "/xorbs/{sha256}", "ticket", get_xorb),
]
