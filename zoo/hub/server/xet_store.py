"""Xet's storage: xorbs, shards, and which terms of them a file is made of.

A shard is 48 bytes of header, then for each file records of 48 bytes: its hash, flags and number of
terms; the terms (xorb, flags, bytes, first chunk, past the last); as many checks if bit 31 is set;
its sha256 if bit 30 is. A hash of 32 bytes FF ends them. A xorb keeps the hash that it came with
(BLAKE3, which Python lacks); a file is unpacked once and held against its sha256.
"""

import re
import secrets
import struct
import threading
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import msgspec

from zoo._io import atomic_write
from zoo.hub.server.chunks import Chunk, read_chunks, unpack
from zoo.hub.server.http import HttpError
from zoo.hub.server.store import Store, read_records

RECORD = 48
ID = re.compile("[0-9a-f]{16}")


class Term(NamedTuple):
    """Chunks of a xorb: first to last - 1."""

    xorb: str
    first: int
    last: int


class ShardFile(NamedTuple):
    """A file that a shard describes."""

    hash: str
    sha256: str  # may be empty
    terms: list[Term]


class FileRecord(msgspec.Struct):
    """A file on disk."""

    sha256: str
    terms: list[Term]


def format_hash(raw: bytes) -> str:
    """Return 32 bytes as Xet prints them: four little-endian numbers."""
    return "".join(f"{number:016x}" for number in struct.unpack("<4Q", raw))


def parse_shard(shard: bytes) -> Iterator[ShardFile]:
    """Yield the files that a shard describes."""
    at = RECORD
    while (head := shard[at : at + RECORD])[:32] != b"\xff" * 32:
        flags, count = struct.unpack_from("<II", head, 32)
        if RECORD * count > len(shard):
            raise ValueError(f"{count} terms in {len(shard)} bytes")
        rows = [shard[at + RECORD * (i + 1) :][:RECORD] for i in range(count)]
        terms = [Term(format_hash(row[:32]), *struct.unpack_from("<II", row, 40)) for row in rows]
        at += RECORD * (1 + count + count * (flags >> 31))
        has_sum = flags >> 30 & 1
        sha256 = format_hash(shard[at : at + 32]) if has_sum else ""
        yield ShardFile(format_hash(head[:32]), sha256, terms)
        at += RECORD * has_sum


@lru_cache(maxsize=256)
def chunk_table(path: Path) -> list[Chunk]:
    """Return the chunks of a xorb; xorbs never change."""
    return read_chunks(path.read_bytes())


class Xet:
    """Xorbs and described files in a folder.

    A client remembers by address what a storage has, and does not send that again. So the address
    has an `id`, for a folder that was emptied, or for another one at the same port.
    """

    def __init__(self, root: Path, store: Store) -> None:
        self.root, self.xorbs, self.files, self.store = root, root / "xorbs", root / "files", store
        text = (root / "id").read_text("ascii", "replace") if (root / "id").exists() else ""
        self.id = text if ID.fullmatch(text) else secrets.token_hex(8)
        self.lock = threading.Lock()
        records = read_records(self.files, FileRecord).items()
        self.hashes: dict[str, str] = {record.sha256: name for name, record in records}

    def add_xorb(self, name: str, content: bytes) -> bool:
        """Keep a xorb whose chunks can be read; return True if it is new."""
        try:
            read_chunks(content)
        except ValueError as error:
            raise HttpError(400, f"xorb {name}: {error}") from None
        if (self.xorbs / name).exists():
            return False
        self.xorbs.mkdir(parents=True, exist_ok=True)
        atomic_write(self.xorbs / name, content)
        atomic_write(self.root / "id", self.id)
        return True

    def add_file(self, file: ShardFile) -> None:
        """Unpack a described file, so that plain downloads and sums have it too.

        A client that has lost patience and asks again waits for the first request.
        """
        with self.lock:
            if known := self._record(file.hash):
                if file.sha256 not in ("", known.sha256):
                    raise HttpError(400, f"file {file.hash} is known with other contents")
                return
            try:
                sha256 = self.store.keep(self.content(file.terms), file.sha256)
            except (ValueError, OSError) as error:
                raise HttpError(400, f"file {file.hash}: {error}") from None
            self.files.mkdir(parents=True, exist_ok=True)
            record = msgspec.json.encode(FileRecord(sha256, file.terms))
            atomic_write(self.files / f"{file.hash}.json", record)
            self.hashes = {**self.hashes, sha256: file.hash}

    def chunks(self, term: Term) -> list[Chunk]:
        """Return the chunks of a term, as they are in its xorb."""
        chunks = chunk_table(self.xorbs / term.xorb)
        if not term.first < term.last <= len(chunks):
            raise ValueError(f"chunks {term.first} to {term.last} of {len(chunks)} in {term.xorb}")
        return chunks[term.first : term.last]

    def content(self, terms: list[Term]) -> Iterator[bytes]:
        for term in terms:
            chunks = self.chunks(term)
            with (self.xorbs / term.xorb).open("rb") as file:
                for chunk in chunks:
                    file.seek(chunk.start)
                    yield unpack(file.read(chunk.end - chunk.start), chunk)

    def _record(self, name: str) -> FileRecord | None:
        """Return the record of a file; None if there is none, or it is broken."""
        try:
            data = (self.files / f"{name}.json").read_bytes()
            return msgspec.json.decode(data, type=FileRecord)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def terms(self, name: str) -> list[Term]:
        if record := self._record(name):
            return record.terms
        raise HttpError(404, f"no file {name}")

    def cover(self, terms: list[Term], begin: int, end: int) -> tuple[int, list[Term]]:
        """Return the chunks with bytes begin..end - 1, and where in the first they start."""
        covering: list[Term] = []
        offset = at = 0
        for term in terms:
            inside = []
            for index, chunk in enumerate(self.chunks(term), term.first):
                if at < end and at + chunk.size > begin:
                    inside.append(index)
                    offset = offset if covering or len(inside) > 1 else begin - at
                at += chunk.size
            if inside:
                covering.append(Term(term.xorb, inside[0], inside[-1] + 1))
        return offset, covering
