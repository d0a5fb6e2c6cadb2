"""Xet's storage: files as rows of chunks, the chunks in xorbs, uploads described by shards.

A shard is 48 bytes of header, then for each file records of 48 bytes: its hash, flags and number of
terms; the terms (xorb, flags, bytes, first chunk, past the last); as many checks if bit 31 is set;
its sha256 if bit 30 is. A hash of 32 bytes FF ends them. A xorb keeps the hash that it came with
(BLAKE3, which Python lacks); a file is unpacked once and held against its sha256.
"""

import json
import secrets
import struct
import threading
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from zoo.mirror.calls import Call
from zoo.mirror.chunks import Chunk, chunks, unpack
from zoo.mirror.messages import Refusal, Reply, part, span
from zoo.mirror.store import Store, whole

RECORD = 48


class Term(NamedTuple):
    """Chunks of a xorb: first to last - 1."""

    xorb: str
    first: int
    last: int


class Described(NamedTuple):
    """A file of a shard; the sum may be missing."""

    hash: str
    sha256: str
    terms: list[Term]


def hexed(raw: bytes) -> str:
    """How Xet prints 32 bytes: four little-endian numbers."""
    return "".join(f"{number:016x}" for number in struct.unpack("<4Q", raw))


def parse(shard: bytes) -> Iterator[Described]:
    """The files that a shard describes."""
    at = RECORD
    while (head := shard[at : at + RECORD])[:32] != b"\xff" * 32:
        flags, count = struct.unpack_from("<II", head, 32)
        if RECORD * count > len(shard):
            raise ValueError(f"{count} terms in {len(shard)} bytes")
        rows = [shard[at + RECORD * (i + 1) :][:RECORD] for i in range(count)]
        terms = [Term(hexed(row[:32]), *struct.unpack_from("<II", row, 40)) for row in rows]
        at += RECORD * (1 + count + count * (flags >> 31))
        summed = flags >> 30 & 1
        yield Described(hexed(head[:32]), hexed(shard[at : at + 32]) if summed else "", terms)
        at += RECORD * summed


@lru_cache(maxsize=256)
def table(path: Path) -> list[Chunk]:
    """Where the chunks of a xorb are; xorbs never change."""
    return chunks(path.read_bytes())


class Xet:
    """Xorbs and described files in a folder; `hashes` {sha256: Xet's hash}.

    A client remembers by address what a storage has, and does not send that again. So the address
    has an `id`, for a folder that was emptied, or for another one at the same port.
    """

    def __init__(self, root: Path, store: Store) -> None:
        self.named = root / "id"
        self.id = self.named.read_text() if self.named.exists() else secrets.token_hex(8)
        self.xorbs, self.files, self.store = root / "xorbs", root / "files", store
        self.lock = threading.Lock()
        known = [(path.stem, json.loads(path.read_text())) for path in self.files.glob("*.json")]
        self.hashes: dict[str, str] = {facts["sha256"]: name for name, facts in known}

    def add_xorb(self, name: str, content: bytes) -> bool:
        """Keeps a xorb whose chunks can be found; whether it is new."""
        try:
            chunks(content)
        except ValueError as error:
            raise Refusal(400, f"xorb {name}: {error}") from None
        if (self.xorbs / name).exists():
            return False
        with whole(self.xorbs / name) as part:
            part.write_bytes(content)
        if not self.named.exists():
            self.named.write_text(self.id)
        return True

    def add_file(self, file: Described) -> None:
        """Unpacks a described file, so that plain downloads and sums have it too.

        About 20 MB/s if it is packed; a client that has lost patience and asks again waits for it.
        """
        path = self.files / f"{file.hash}.json"
        with self.lock:
            known = json.loads(path.read_text())["sha256"] if path.exists() else ""
            if known and file.sha256 not in ("", known):
                raise Refusal(400, f"file {file.hash} is known with other contents")
            if known:
                return
            try:
                sha256 = self.store.keep(self.content(file.terms), file.sha256)
            except (ValueError, IndexError, OSError) as error:
                raise Refusal(400, f"file {file.hash}: {error}") from None
            with whole(path) as part:
                part.write_text(json.dumps({"sha256": sha256, "terms": file.terms}))
            self.hashes = {**self.hashes, sha256: file.hash}

    def places(self, term: Term) -> list[Chunk]:
        """Where the chunks of a term are in its xorb."""
        found = table(self.xorbs / term.xorb)
        if not term.first < term.last <= len(found):
            raise ValueError(f"chunks {term.first} to {term.last} of {len(found)} in {term.xorb}")
        return found[term.first : term.last]

    def content(self, terms: list[Term]) -> Iterator[bytes]:
        for term in terms:
            with (self.xorbs / term.xorb).open("rb") as file:
                for place in self.places(term):
                    file.seek(place.start)
                    yield unpack(file.read(place.end - place.start), place)

    def terms(self, name: str) -> list[Term]:
        path = self.files / f"{name}.json"
        if not path.exists():
            raise Refusal(404, f"no file {name}")
        return [Term(*term) for term in json.loads(path.read_text())["terms"]]

    def cover(self, terms: list[Term], begin: int, end: int) -> tuple[int, list[Term]]:
        """The chunks that bytes begin..end - 1 lie in, and how far in the first they start."""
        found: list[Term] = []
        offset = at = 0
        for term in terms:
            inside = []
            for index, place in enumerate(self.places(term), term.first):
                if at < end and at + place.size > begin:
                    inside.append(index)
                    offset = offset if found or len(inside) > 1 else begin - at
                at += place.size
            if inside:
                found.append(Term(term.xorb, inside[0], inside[-1] + 1))
        return offset, found


def admit(call: Call, *rights: str) -> None:
    """Refuses a token that was not given out for one of these rights, or for another storage."""
    if call.parts["storage"] != call.hub.xet.id:
        raise Refusal(404, "this storage is not here")
    if not any(call.hub.admits(f"xet {right}", call.request.token) for right in rights):
        raise Refusal(401, "no token of this storage, or too old")


def token(call: Call, right: str) -> Reply:
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
    return Reply.json(body, headers=headers)


def add_xorb(call: Call) -> Reply:
    admit(call, "write")
    inserted = call.hub.xet.add_xorb(call.parts["sha256"], call.request.read())
    return Reply.json({"was_inserted": inserted})


def add_shard(call: Call) -> Reply:
    admit(call, "write")
    shard = call.request.read()
    try:
        files = list(parse(shard))
    except (struct.error, ValueError) as error:
        raise Refusal(400, f"no shard: {error}") from None
    for file in files:
        call.hub.xet.add_file(file)
    return Reply.json({"result": 1})


def reconstruction(call: Call) -> Reply:
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
    return Reply.json(facts)


def get_xorb(call: Call) -> Reply:
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
