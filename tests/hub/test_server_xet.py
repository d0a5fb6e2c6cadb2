"""Xet's storage by itself: xorbs and shards made here, every range, and what is broken."""

import json
import random
import struct
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import lz4.frame
import pytest

from tests.hub.test_server import get
from tests.support.hub_server import Hub, serving
from zoo.hub.server import HttpError, Store, chunks
from zoo.hub.server.xet_store import ShardFile, Term, Xet, format_hash, parse_shard

ONE, TWO, FILE = "1" * 64, "2" * 64, "f" * 63 + "0"


def xorb(pieces: list[bytes]) -> bytes:
    """Chunks that are not packed, and a footer."""
    sizes = [len(piece).to_bytes(3, "little") for piece in pieces]
    rows = [b"\0" + n + b"\0" + n + piece for n, piece in zip(sizes, pieces, strict=True)]
    return b"".join(rows) + b"XETBLOB\0 and more"


@pytest.fixture
def pieces() -> list[bytes]:
    draw = random.Random(0)
    return [draw.randbytes(draw.randint(1, 9)) for _ in range(12)]


def filled(xet: Xet, pieces: list[bytes]) -> bytes:
    """A file of three terms in two xorbs; returns its bytes."""
    xet.add_xorb(ONE, xorb(pieces[:7]))
    xet.add_xorb(TWO, xorb(pieces[7:]))
    xet.add_file(ShardFile(FILE, "", [Term(ONE, 2, 7), Term(TWO, 0, 5), Term(ONE, 0, 3)]))
    return b"".join(pieces[2:7] + pieces[7:] + pieces[:3])


@pytest.fixture
def remote() -> Iterator[Hub]:
    with serving() as hub:
        yield hub


def test_xet_reconstruction_every_range_matches_file(remote: Hub, pieces: list[bytes]) -> None:
    content = filled(remote.app.xet, pieces)
    url = f"{remote.url}/xet-{remote.app.xet.id}/v1/reconstructions/{FILE}"
    token = {"Authorization": f"Bearer {remote.app.ticket('xet read')}"}
    xorbs = {ONE: xorb(pieces[:7]), TWO: xorb(pieces[7:])}
    for begin in range(0, len(content), 3):
        for end in range(begin + 1, len(content) + 1, 4):
            plan = json.loads(get(url, Range=f"bytes={begin}-{end - 1}", **token)[2])
            received = b""
            for term in plan["terms"]:
                (where,) = [
                    source
                    for source in plan["fetch_info"][term["hash"]]
                    if source["range"] == term["range"]
                ]
                first, last = where["url_range"]["start"], where["url_range"]["end"]
                packed = xorbs[term["hash"]][first : last + 1]
                part = b"".join(
                    chunks.unpack(packed[c.start : c.end], c) for c in chunks.read_chunks(packed)
                )
                assert len(part) == term["unpacked_length"]
                received += part
            offset = plan["offset_into_first_range"]
            assert received[offset : offset + end - begin] == content[begin:end]
    address = plan["fetch_info"][term["hash"]][0]["url"]
    assert get(address, Range="bytes=0-7")[2] == xorbs[term["hash"]][:8]
    assert get(address.partition("?")[0])[0] == 403
    assert get(url, Range=f"bytes={len(content)}-", **token)[0] == 416
    assert get(url.replace("f", "e"), **token)[0] == 404


def record(file: str, flags: int, count: int) -> bytes:
    numbers = [int(file[i : i + 16], 16) for i in range(0, 64, 16)]
    return struct.pack("<4QIIQ", *numbers, flags, count, 0)


def test_parse_shard_returns_files_and_terms() -> None:
    sha256 = bytes(range(32)).hex()
    shard = bytes(48) + record(FILE, 3 << 30, 1) + record(ONE, 0, 9)[:40] + struct.pack("<II", 3, 5)
    shard += bytes(48) + record(sha256, 0, 0) + record(TWO, 0, 0) + b"\xff" * 48
    assert list(parse_shard(shard)) == [
        ShardFile(FILE, sha256, [Term(ONE, 3, 5)]),
        ShardFile(TWO, "", []),
    ]
    assert format_hash(bytes(range(32))) == "07060504030201000f0e0d0c0b0a0908" + (
        "17161514131211101f1e1d1c1b1a1918"
    )
    for cut in (0, 47, 60, 100, 144, 200):
        with pytest.raises((struct.error, ValueError)):
            list(parse_shard(shard[:cut]))
    with pytest.raises(ValueError, match="4294967295 terms"):
        list(parse_shard(bytes(48) + record(FILE, 0, 0xFFFFFFFF) + bytes(96)))


@pytest.mark.parametrize(
    "broken",
    [b"\0\5\0\0\0\5\0\0abc", b"\1" + bytes(20), b"\0\0\0\0\7" + bytes(9), b"\0\1"],
    ids=["short", "version", "scheme", "header"],
)
def test_add_xorb_invalid_data_raises(tmp_path: Path, broken: bytes) -> None:
    xet = Xet(tmp_path, Store(tmp_path))
    with pytest.raises(HttpError, match="no chunk at byte 0"):
        xet.add_xorb(ONE, broken)
    assert not (tmp_path / "xorbs").exists()


LZ4 = bytes.fromhex("04224d18 60 40 82")  # independent blocks, no checksums


@pytest.mark.parametrize("content", [b"", b"abc", b"a" * 100_000, bytes(range(256)) * 300])
@pytest.mark.parametrize("linked", [True, False])
def test_unpack_lz4_frame_of_other_length_raises(content: bytes, linked: bool) -> None:
    packed = lz4.frame.compress(content, block_linked=linked, store_size=False)
    assert chunks.unpack_lz4(packed, len(content)) == content
    for size in (len(content) - 1, len(content) + 1):
        with pytest.raises(ValueError, match=f"does not have {size} bytes"):
            chunks.unpack_lz4(packed, size)


def test_unpack_grouped_restores_order() -> None:
    content = bytes(range(255)) * 3
    packed = lz4.frame.compress(b"".join(content[i::4] for i in range(4)))
    assert chunks.unpack_grouped(packed, len(content)) == content


@pytest.mark.parametrize(
    "block", ["32616263 0000 00", "32616263 0400 00", "1f61 0100 ffffffff00", "1f61 0100 ff"]
)
def test_unpack_lz4_invalid_block_raises(block: str) -> None:
    raw = bytes.fromhex(block)
    with pytest.raises(ValueError, match="LZ4"):
        chunks.unpack_lz4(LZ4 + len(raw).to_bytes(4, "little") + raw + bytes(4), 100)
    stored = (1 << 31 | len(raw)).to_bytes(4, "little")
    assert chunks.unpack_lz4(LZ4 + stored + raw + bytes(4), len(raw)) == raw


def test_xet_known_content_is_not_replaced(tmp_path: Path, pieces: list[bytes]) -> None:
    """Nobody changes a file of others by pushing another one under its name."""
    xet = Xet(tmp_path, Store(tmp_path))
    filled(xet, pieces)
    assert not xet.add_xorb(ONE, xorb([b"other"]))
    with pytest.raises(HttpError, match="known with other contents"):
        xet.add_file(ShardFile(FILE, "0" * 64, [Term(ONE, 0, 1)]))
    before = xet.terms(FILE)
    xet.add_file(ShardFile(FILE, "", [Term(ONE, 0, 1)]))
    assert xet.terms(FILE) == before
    for terms in ([Term(ONE, 5, 8)], [Term(ONE, 3, 3)], [Term("3" * 64, 0, 1)]):
        with pytest.raises(HttpError):
            xet.add_file(ShardFile(TWO, "", terms))
    with pytest.raises(HttpError, match="was announced"):
        xet.add_file(ShardFile(TWO, "0" * 64, [Term(ONE, 0, 1)]))
    assert len(xet.hashes) == 1


def test_lfs_batch_xet_client_is_offered_xet(remote: Hub) -> None:
    """Version 1 offers it where it asks for LFS; version 2 does not ask."""
    remote.app.store.create("model", "alice/net")
    batch = {"operation": "upload", "objects": [{"oid": ONE, "size": 1}], "transfers": ["basic"]}
    url = f"{remote.url}/alice/net.git/info/lfs/objects/batch"
    for transfers, chosen in ((["basic", "multipart", "xet"], "xet"), (["basic"], "basic")):
        body = json.dumps({**batch, "transfers": transfers}).encode()
        with urlopen(Request(url, body, {"Authorization": "Bearer hf_alice"})) as reply:
            assert json.load(reply)["transfer"] == chosen
