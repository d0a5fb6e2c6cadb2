"""Xet's API: files as rows of chunks, the chunks in xorbs, uploads described by shards."""

import struct
from functools import partial
from typing import Any

from starlette.responses import Response

from zoo.hub.server.context import RequestContext, route
from zoo.hub.server.http import HttpError, byte_range, file_response, json_response
from zoo.hub.server.xet_store import parse_shard


def token(call: RequestContext, right: str) -> Response:
    """Return the storage's address and token, as JSON for hf_xet and as headers for Python."""
    ticket, storage = call.hub.ticket(f"xet {right}"), call.url(f"/xet-{call.hub.xet.id}")
    expiry, _, _ = ticket.partition(".")
    headers = {
        "X-Xet-Cas-Url": storage,
        "X-Xet-Access-Token": ticket,
        "X-Xet-Token-Expiration": expiry,
    }
    body = {"casUrl": storage, "accessToken": ticket, "exp": int(expiry)}
    return json_response(body, headers=headers)


def add_xorb(call: RequestContext, body: bytes) -> Response:
    return json_response({"was_inserted": call.hub.xet.add_xorb(call.params["sha256"], body)})


def add_shard(call: RequestContext, body: bytes) -> Response:
    try:
        files = list(parse_shard(body))
    except (struct.error, ValueError) as error:
        raise HttpError(400, f"no shard: {error}") from None
    for file in files:
        call.hub.xet.add_file(file)
    return json_response({"result": 1})


def reconstruction(call: RequestContext) -> Response:
    """Return which bytes of which xorbs make a file, or a part of it."""
    xet = call.hub.xet
    terms = xet.terms(call.params["sha256"])
    size = sum(chunk.size for term in terms for chunk in xet.chunks(term))
    begin, end = byte_range(call.request.headers.get("Range"), size) or (0, size)
    offset, terms = xet.cover(terms, begin, end)
    fetch: dict[str, list[dict[str, Any]]] = {}
    listed = []
    for term in terms:
        chunks = xet.chunks(term)
        span = {"start": term.first, "end": term.last}
        length = sum(chunk.size for chunk in chunks)
        listed.append({"hash": term.xorb, "unpacked_length": length, "range": span})
        url = call.url(f"/xorbs/{term.xorb}", f"xorb {term.xorb}")
        url_range = {"start": chunks[0].start, "end": chunks[-1].end - 1}
        source = {"range": span, "url": url, "url_range": url_range}
        fetch.setdefault(term.xorb, []).append(source)
    return json_response({"offset_into_first_range": offset, "terms": listed, "fetch_info": fetch})


def get_xorb(call: RequestContext) -> Response:
    path = call.hub.xet.xorbs / call.params["sha256"]
    return file_response(call.request, path, path.stat().st_size, {})


API, STORAGE = "/api/{kinds}/{repo}", "/xet-{storage}/v1"
READ = "xet read|xet write"
ROUTES = [
    route("GET", f"{API}/xet-read-token/{{revision}}", partial(token, right="read"), "content"),
    route("GET", f"{API}/xet-write-token/{{revision}}", partial(token, right="write"), "write"),
    route("POST", f"{STORAGE}/xorbs/default/{{sha256}}", add_xorb, ticket="xet write", body=bytes),
    route("POST", f"{STORAGE}/shards", add_shard, ticket="xet write", body=bytes),
    route("GET", f"{STORAGE}/reconstructions/{{sha256}}", reconstruction, ticket=READ),
    route("GET", "/xorbs/{sha256}", get_xorb, ticket="xorb {sha256}"),
]
