"""What a stranger may send to the Hub: refused in a sentence, and nobody else waits."""

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from tests.hub.test_server import get
from tests.support.hub_server import Hub, serving
from zoo.hub.server import cards
from zoo.hub.server.server import Connection

pytestmark = pytest.mark.slow

SHA256, COMMIT = "1" * 64, "a" * 40


@pytest.fixture
def remote() -> Iterator[Hub]:
    """A Hub with a repository of alice's."""
    with serving() as hub:
        hub.app.store.create("model", "alice/net")
        yield hub


def send(url: str, data: bytes) -> bytes:
    """Send bytes as they are; return all that comes before the connection ends."""
    parts = urlsplit(url)
    received = b""
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        try:
            connection.sendall(data)
            while piece := connection.recv(1 << 16):
                received += piece
        except ConnectionError:
            pass
    return received


def post(url: str, body: bytes, method: str = "POST", token: str = "hf_alice") -> tuple[int, str]:
    """Return the status and the sentence of an error."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urlopen(Request(url, body, headers, method=method)) as reply:
            return reply.status, ""
    except HTTPError as error:
        with error:
            return error.code, json.load(error)["error"]


@pytest.mark.parametrize("length", ["-1", "+3", "1e3", "3, 4"])
def test_server_invalid_content_length_is_refused_unread(remote: Hub, length: str) -> None:
    head = f"POST /api/validate-yaml HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
    reply = send(remote.url, head.encode() + b"a" * (8 << 20))
    assert reply.startswith(b"HTTP/1.1 400 ") or not reply  # reset while it sends
    assert remote.requests == []


def test_server_two_framings_are_refused(remote: Hub) -> None:
    """What stands behind the chunks must not become a request of its own."""
    smuggled = b"GET /api/whoami-v2 HTTP/1.1\r\nHost: x\r\n\r\n"
    head = "POST /api/validate-yaml HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    data = f"{head}Content-Length: {5 + len(smuggled)}\r\n\r\n0\r\n\r\n".encode() + smuggled
    reply = send(remote.url, data)
    assert reply.startswith(b"HTTP/1.1 400 ")
    assert reply.count(b"HTTP/1.1") == 1
    assert b"either Content-Length or Transfer-Encoding" in reply


@pytest.mark.parametrize("path", ["/api/models/o/n%0dSet-Cookie:%20x=y", "/a/b/resolve/%0A/f%00"])
def test_server_control_character_in_path_injects_no_header(remote: Hub, path: str) -> None:
    status, headers, _ = get(remote.url + path)
    assert (status, headers["Set-Cookie"]) == (400, None)


def test_server_control_character_in_body_injects_no_header(remote: Hub) -> None:
    url, path = f"{remote.url}/api/models/alice/net/commit/main", "x\rSet-Cookie: a=b\r\nñ"
    line = json.dumps({"key": "deletedFile", "value": {"path": path}}).encode()
    with pytest.raises(HTTPError) as error:
        urlopen(Request(url, line, {"Authorization": "Bearer hf_alice"}))
    with error.value:
        assert (error.value.code, error.value.headers["Set-Cookie"]) == (404, None)
        assert path in json.load(error.value)["error"]


@pytest.mark.slow
def test_server_half_open_connections_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "limit", 10)
    starts = [
        b"",
        b"GET /api/models HT",
        b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
    ]
    with serving() as hub, ExitStack() as stack:
        parts = urlsplit(hub.url)
        for number in range(90):
            address = (parts.hostname, parts.port)
            connection = stack.enter_context(socket.create_connection(address, timeout=10))
            connection.sendall(starts[number % 3])
        assert get(f"{hub.url}/api/models")[0] == 200


@pytest.mark.parametrize("sent", [b"GET /api/models HTTP/1.1\r\nHo", b""])
def test_server_unfinished_headers_end_in_time(
    remote: Hub, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr("zoo.hub.server.server.STALL", 0.2)
    assert send(remote.url, sent) == b""


def test_server_stalled_body_returns_408(remote: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.hub.server.http.STALL", 0.2)
    head = "POST /api/validate-yaml HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    reply = send(remote.url, f'{head}Content-Length: 20\r\n\r\n{{"content"'.encode())
    assert reply.startswith(b"HTTP/1.1 408 ")


def test_server_client_that_reads_nothing_is_cut_off(
    remote: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.hub.server.server.STALL", 0.2)
    remote.push("a/b", {"f.bin": bytes(30 << 20)})
    parts = urlsplit(remote.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        connection.sendall(b"GET /a/b/resolve/main/f.bin HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(1)
        received = 0
        while piece := connection.recv(1 << 20):
            received += len(piece)
        assert received < 30 << 20


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ("".join(f"k{i}: [1,2,{{x: y}}]\n" for i in range(60_000)), "more than 1048576 bytes"),
        ("".join(f"k{i}: [1,2,{{x: y}}]\n" for i in range(30_000)), "more than 262144 characters"),
        ("a: &a [x]\nb: *a", "has an alias"),
        ("a: " + "[" * 500, "nested more than 20 levels deep"),
        ("2020-01-01: x\n? [1]\n: x", "unhashable key"),
        ("a: !!python/name:os.system x", "could not determine a constructor"),
        ("a: " + "9" * 5000, "integer string conversion"),
    ],
    ids=["body", "long", "alias", "deep", "key", "tag", "number"],
)
def test_validate_yaml_costly_metadata_is_refused(remote: Hub, metadata: str, says: str) -> None:
    body = json.dumps({"content": f"---\n{metadata}\n---\n"}).encode()
    request = Request(f"{remote.url}/api/validate-yaml", body, method="POST")
    start = time.process_time()
    with pytest.raises(HTTPError) as error:
        urlopen(request)
    with error.value:
        assert error.value.code in (400, 413)
        assert says in error.value.read().decode()
    assert time.process_time() - start < 2


def test_parse_card_returns_json_values() -> None:
    text = "---\r\nwhen: 2024-05-06\nname: é\n1: [.nan, 2.5]\n---\ntext"
    assert cards.parse_card(text) == {"when": "2024-05-06", "name": "é", "1": [None, 2.5]}
    assert cards.parse_card("no metadata") == {}


MALFORMED = [
    b"[]",
    b"null",
    b"1",
    b"{",
    b"\xff",
    b'{"name": 1, "files": 2, "tag": [], "gated": 3, "content": 4, "startingPoint": 5}',
    b"[" * 9999,
]
BODIES = [
    ("POST", "/api/repos/create"),
    ("DELETE", "/api/repos/delete"),
    ("PUT", "/api/models/alice/net/settings"),
    ("POST", "/api/models/alice/net/tag/main"),
    ("POST", "/api/models/alice/net/branch/b"),
    ("POST", "/api/models/alice/net/preupload/main"),
    ("POST", "/api/models/alice/net/commit/main"),
    ("POST", "/api/validate-yaml"),
    ("POST", "/alice/net.git/info/lfs/objects/batch"),
    ("POST", "/lfs/{sha256}/complete"),
    ("POST", "/xet-{storage}/v1/xorbs/default/{sha256}"),
    ("POST", "/xet-{storage}/v1/shards"),
]


@pytest.mark.parametrize(("method", "path"), BODIES)
def test_server_malformed_body_returns_4xx_with_sentence(
    remote: Hub, method: str, path: str
) -> None:
    app = remote.app
    path = path.format(sha256=SHA256, storage=app.xet.id)
    purpose = "xet write" if path.startswith("/xet") else f"put {SHA256}"
    ticket = app.ticket(purpose)
    token = ticket if path.startswith("/xet") else "hf_alice"
    for body in MALFORMED:
        status, message = post(f"{remote.url}{path}?ticket={ticket}", body, method, token)
        assert 400 <= status < 500, (body, status)
        assert message


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ({"key": "file", "value": {"path": "a", "content": "!"}}, r"base64.*\$\.content"),
        ({"key": "file", "value": {"path": 1, "content": ""}}, r"`str`, got `int`.*\$\.path"),
        ({"key": "file"}, "missing required field `value`"),
        ({"key": "lfsFile", "value": {"path": "a", "oid": "../x"}}, r"\$\.oid"),
        ({"key": "lfsFile", "value": {"path": "a", "oid": SHA256}}, "no contents with sha256"),
        ({"key": "copyFile", "value": {}}, "no operation 'copyFile'"),
        ({"key": "header", "value": {"summary": 1}}, r"\$\.summary"),
        ({"key": "file", "value": {"path": "a\ud800", "content": ""}}, "hex escape"),
    ],
)
def test_commit_malformed_line_names_field(remote: Hub, line: object, says: str) -> None:
    url = f"{remote.url}/api/models/alice/net/commit/main"
    status, message = post(url, json.dumps(line).encode())
    assert status == 400
    assert re.search(says, message), message


@pytest.mark.parametrize(
    "query", ["cursor=x", "limit=x", "limit=0", "cursor=-1", "limit=" + "9" * 5000]
)
def test_list_models_invalid_page_returns_400(remote: Hub, query: str) -> None:
    assert get(f"{remote.url}/api/models?{query}")[0] == 400


def test_list_models_pages_link_to_one_another(remote: Hub) -> None:
    for name in "abc":
        remote.push(f"o/{name}", {"f": b""})
    url, ids = f"{remote.url}/api/models?author=o&limit=2", []
    while url:
        _, headers, body = get(url)
        ids += [repo["id"] for repo in json.loads(body)]
        url = (headers["Link"] or "").partition(">")[0].lstrip("<")
    assert ids == ["o/a", "o/b", "o/c"]


@pytest.mark.parametrize("kind", ["branch", "tag"])
def test_add_reference_named_like_commit_returns_400(remote: Hub, kind: str) -> None:
    url = f"{remote.url}/api/models/alice/net"
    if kind == "branch":
        status, message = post(f"{url}/branch/{COMMIT}", b"{}")
    else:
        status, message = post(f"{url}/tag/main", json.dumps({"tag": COMMIT}).encode())
    assert (status, "a commit's" in message) == (400, True)
