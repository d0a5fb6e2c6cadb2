"""Xet storage: xorbs, shards, and which terms of them a file is made of."""

import json
import secrets
import struct
import threading
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from zoo.hub.server.chunks import Chunk, chunks, unpack
from zoo.hub.server.http import HttpError
from zoo.hub.server.store import Store, whole

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
            raise HttpError(400, f"xorb {name}: {error}") from None
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
                raise HttpError(400, f"file {file.hash} is known with other contents")
            if known:
                return
            try:
                sha256 = self.store.keep(self.content(file.terms), file.sha256)
            except (ValueError, IndexError, OSError) as error:
                raise HttpError(400, f"file {file.hash}: {error}") from None
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
            raise HttpError(404, f"no file {name}")
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
