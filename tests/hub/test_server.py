"""The zoo's own Hub, with huggingface_hub, timm, datasets and `hf` as its clients."""

import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from hashlib import sha256
from http.client import IncompleteRead
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from starlette.requests import Request as StarletteRequest

from tests.conftest import ROOT
from tests.support import hub_server
from tests.support.hub_server import Hub, serving
from zoo.hub import server
from zoo.hub.server import HttpError, Store, chunks
from zoo.hub.server.commits import check_path
from zoo.hub.server.store import File, git_oid

MODES = [pytest.param("0", id="xet"), pytest.param("1", id="lfs", marks=pytest.mark.slow)]


@pytest.fixture
def remote() -> Iterator[Hub]:
    with serving() as hub:
        yield hub


def get(url: str, **headers: str) -> tuple[int, Message, bytes]:
    """Status, headers and body, whatever the status."""
    try:
        with urlopen(Request(url, headers=headers)) as reply:
            return reply.status, reply.headers, reply.read()
    except HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def client(
    hub: Hub, tmp_path: Path, *command: str, xet_off: str = "1"
) -> subprocess.CompletedProcess[str]:
    """A process whose Hub is this one, with a home of its own and alice's token."""
    tmp_path.mkdir(exist_ok=True)
    env = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    env |= {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "hf"),
        "HF_HUB_DISABLE_XET": xet_off,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_TOKEN": "hf_alice",
        "NO_PROXY": "127.0.0.1,localhost",
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(
        [sys.executable, *command],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("xet_off", MODES)
def test_server_huggingface_hub_client_passes_all_checks(
    remote: Hub, tmp_path: Path, xet_off: str
) -> None:
    remote.app.part_size = 5_000_000
    checks = ("repositories", "cards", "uploads", "commits", "rights")
    done = client(remote, tmp_path, "-m", "tests.support.hub_client", *checks, xet_off=xet_off)
    assert done.returncode == 0, done.stderr[-4000:]
    parts = [line for line in remote.requests if "/parts/" in line]
    assert (len(parts) >= 3) == (xet_off == "1")
    for xorbs in (f"POST /xet-{remote.app.xet.id}/v1/xorbs/", "GET /xorbs/"):
        assert any(line.startswith(xorbs) for line in remote.requests) == (xet_off == "0")
    packed = [path.read_bytes() for path in remote.app.xet.xorbs.glob("*")]
    schemes = {chunk.scheme for xorb in packed for chunk in chunks.read_chunks(xorb)}
    assert schemes == ({0, 1, 2} if xet_off == "0" else set())
    for name in ("model.safetensors", "data/squares.bin", "data/floats.npy"):
        _, headers, body = get(f"{remote.url}/alice/net/resolve/main/{name}")
        assert headers["ETag"] == f'"{sha256(body).hexdigest()}"'
    store = Store(remote.folder)  # what a restart finds
    assert store.own == remote.app.store.own
    again = server.HubApp(store).xet
    assert again.hashes == remote.app.xet.hashes
    assert (again.id == remote.app.xet.id) == (xet_off == "0")


def test_resolve_range_header_returns_partial_content(remote: Hub) -> None:
    content = bytes(range(256)) * 8192
    remote.push("a/b", {"f.bin": content, "empty": b""})
    url = f"{remote.url}/a/b/resolve/main/f.bin"
    size = len(content)
    for header, begin, end in (
        ("bytes=0-0", 0, 1),
        ("bytes=1048575-1048577", 1048575, 1048578),
        ("bytes=2000000-", 2000000, size),
        ("bytes=2000000-99999999", 2000000, size),
        ("bytes=-7", size - 7, size),
    ):
        status, headers, body = get(url, Range=header)
        assert (status, body) == (206, content[begin:end])
        assert headers["Content-Range"] == f"bytes {begin}-{end - 1}/{size}"
    assert get(url)[2] == content
    assert get(url, Range="bytes=0-1,5-6")[2] == content
    status, headers, _ = get(url, Range=f"bytes={size}-")
    assert (status, headers["Content-Range"]) == (416, f"bytes */{size}")
    assert get(f"{remote.url}/a/b/resolve/main/empty")[2] == b""


@pytest.mark.parametrize(
    "path", ["/a/b/resolve/main/../f", "/a/b/resolve/main/%2e%2e/f", "/a/b/resolve/main/x%5c..%5cf"]
)
def test_resolve_path_traversal_returns_400(remote: Hub, path: str) -> None:
    remote.push("a/b", {"f": b""})
    assert get(remote.url + path)[0] == 400


@pytest.mark.parametrize("path", ["", "/x", "a//b", "../x", "a/..", "./a", ".git/x", "a\\b", "a\0"])
def test_check_path_unsafe_commit_path_raises(path: str) -> None:
    with pytest.raises(HttpError):
        check_path(path)


def test_store_sha256_mismatch_stores_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(HttpError, match="0000 was announced"):
        store.keep([b"other"], "0" * 64)
    assert list((tmp_path / "blobs").iterdir()) == []


def test_commit_concurrent_pushes_form_linear_history(remote: Hub) -> None:
    """Every commit is on top of the one before it."""
    remote.app.store.create("model", "alice/net")
    url = f"{remote.url}/api/models/alice/net/commit/main"

    def push(number: int) -> str:
        lines = [
            {"key": "header", "value": {"summary": "one"}},
            {"key": "file", "value": {"path": f"{number}.txt", "content": ""}},
        ]
        body = "\n".join(map(json.dumps, lines)).encode()
        with urlopen(Request(url, body, {"Authorization": "Bearer hf_alice"})) as reply:
            return str(json.load(reply)["commitOid"])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(push, range(24)))
    assert push(0) == push(1)  # nothing new, no commit
    repo = Store(remote.folder).own["model", "alice/net"]
    assert set(repo.at("main").files) == {f"{number}.txt" for number in range(24)}
    assert len(list(repo.history(repo.at("main")))) == 25


def test_resolve_gated_repo_admits_readers_only(remote: Hub) -> None:
    store = remote.app.store
    repo = store.create("model", "alice/net", gated="manual")
    files = {"f": File(store.keep([b"x"]), 1, git_oid(b"x"), False)}
    store.commit(repo, "main", files, title="", author="alice")
    store.save(repo, readers=["bob"])
    url = f"{remote.url}/alice/net/resolve/main/f"
    tokens = {"hf_alice": 200, "hf_bob": 200, "hf_reader": 200, "hf_carol": 403}
    assert {t: get(url, Authorization=f"Bearer {t}")[0] for t in tokens} == tokens
    assert get(url)[0] == 401


def test_cdn_url_without_valid_ticket_returns_403(remote: Hub) -> None:
    commit = remote.push("a/b", {"f.bin": b"x"})
    assert get(f"{remote.url}/a/b/resolve/{commit}/f.bin")[2] == b"x"
    digest = remote.file("f.bin", remote.repos["a/b"][commit]["f.bin"]).sha256
    assert get(f"{remote.url}/cdn/{digest}/f.bin")[0] == 403
    ticket = remote.app.ticket(f"get {digest}")
    assert get(f"{remote.url}/cdn/{digest}/f.bin?ticket={ticket}")[2] == b"x"
    later = str(int(ticket.partition(".")[0]) + 1)
    assert get(f"{remote.url}/cdn/{digest}/f.bin?ticket={later}.{ticket[11:]}")[0] == 403
    xet = remote.app.xet.id
    for storage, status in ((xet, 401), ("0" * 16, 404)):  # another is not here
        url = f"{remote.url}/xet-{storage}/v1/reconstructions/{digest}"
        assert get(url, Authorization=f"Bearer {ticket}")[0] == status


DOWNLOAD = """
import sys
from huggingface_hub import hf_hub_download
print(hf_hub_download("a/b", "f.bin", token=sys.argv[1]))
"""


def downloaded(remote: Hub, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    return client(remote, tmp_path, "-c", DOWNLOAD, "hf_alice")


def test_download_interrupted_resumes_with_range(remote: Hub, tmp_path: Path) -> None:
    content = os.urandom(25_000_000)
    remote.push("a/b", {"f.bin": content})
    ranges: list[str | None] = []

    def noted(request: StarletteRequest, reply: hub_server.Reply) -> hub_server.Reply:
        ranges.append(request.headers.get("Range"))
        return reply

    remote.faults += [hub_server.cut_after(15_000_000), noted]
    done = downloaded(remote, tmp_path)
    assert Path(done.stdout.strip()).read_bytes() == content
    assert ranges[-1] == f"bytes={10 << 20}-"


def test_download_503_is_retried(remote: Hub, tmp_path: Path) -> None:
    remote.push("a/b", {"f.bin": b"x" * 1000})
    remote.faults.append(hub_server.unavailable(2, "HEAD"))
    done = downloaded(remote, tmp_path)
    assert Path(done.stdout.strip()).read_bytes() == b"x" * 1000, done.stderr
    assert sum(line.startswith("HEAD") for line in remote.requests) == 3


def test_injected_errors_reach_client(remote: Hub) -> None:
    """What a careful client has to catch."""
    remote.push("a/b", {"f.bin": bytes(1000)})
    url = f"{remote.url}/a/b/resolve/main/f.bin"
    remote.faults[:] = [hub_server.tampered]
    assert get(url)[2] == b"\1" * 1000
    remote.faults[:] = [
        hub_server.with_header("ETag", "../../../pwn"),
        hub_server.with_header("X-Repo-Commit", "../../pwn"),
    ]
    headers = get(url)[1]
    assert (headers["ETag"], headers["X-Repo-Commit"]) == ("../../../pwn", "../../pwn")
    remote.faults[:] = [hub_server.bomb(10_000_000)]
    _, headers, body = get(url)
    assert (headers["Content-Encoding"], len(gzip.decompress(body))) == ("gzip", 10_000_000)
    remote.faults[:] = [hub_server.slow(0.2)]
    begin = time.monotonic()
    assert get(url)[2] == bytes(1000)
    assert time.monotonic() - begin >= 0.2
    remote.faults[:] = [hub_server.cut_after(10)]
    with pytest.raises(IncompleteRead):
        get(url)
    assert get(url)[2] == bytes(1000)


def test_download_redirect_to_other_host_sends_no_token(remote: Hub, tmp_path: Path) -> None:
    remote.host_downloads_elsewhere()
    remote.push("a/b", {"f.bin": b"x" * 1000})
    assert Path(downloaded(remote, tmp_path).stdout.strip()).read_bytes() == b"x" * 1000
    elsewhere = [token for host, path, token in remote.seen if host == "localhost"]
    endpoint = [token for host, path, token in remote.seen if "/resolve/" in path]
    assert (set(elsewhere), set(endpoint)) == ({""}, {"Bearer hf_alice"})
