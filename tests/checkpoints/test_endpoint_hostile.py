"""A Hub that lies: the token stays, disk and memory are not filled, nobody waits for days."""

import gzip
import json
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi, constants, get_session
from huggingface_hub.utils import _http

import zoo
from zoo.checkpoints import endpoint
from zoo.papers.weights import WeightsError

CONFIG = json.dumps({"architecture": "resnet20", "num_classes": 10}).encode()
TOKEN = "hf_secret"
SOURCE = "hf-hub:evil/m"
MB = 1 << 20


@dataclass
class HostileHub:
    """Two hosts of one server; it answers every request with the same file."""

    url: str = ""
    elsewhere: str = ""  # the same server under another name
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = CONFIG
    endless: bool = False
    length: int | None = None  # that a GET announces, if another
    head_length: int | None = None  # that a HEAD announces, if another
    tokens: list[str] = field(default_factory=list)  # sent to the other name
    sent: int = 0  # bytes of bodies


def handler(hub: HostileHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            if self.headers["Host"].startswith("localhost"):
                hub.tokens.append(self.headers.get("Authorization", ""))
            length = hub.head_length if self.command == "HEAD" else hub.length
            headers = {
                "ETag": f'"{sha1(hub.body).hexdigest()}"',
                "X-Repo-Commit": "a" * 40,
                "Content-Length": str(len(hub.body) if length is None else length),
                **hub.headers,
            }
            if hub.endless and hub.length is None and self.command == "GET":
                del headers["Content-Length"]
            self.send_response(hub.status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.send_body()

        def send_body(self) -> None:
            piece = bytes(MB) if hub.endless else hub.body
            try:
                for _ in range(200 if hub.endless else 1):
                    self.wfile.write(piece)
                    hub.sent += len(piece)
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return type("Methods", (Handler,), {f"do_{m}": Handler.answer for m in ("GET", "HEAD", "POST")})


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HostileHub]:
    """A hostile Hub, and this process as its client with an empty cache and a token."""
    hostile = HostileHub()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler(hostile)) as server:
        port = server.server_address[1]
        hostile.url, hostile.elsewhere = f"http://127.0.0.1:{port}", f"http://localhost:{port}"
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, hostile.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "ENDPOINT", hostile.url)
        monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "hf"))
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield hostile
        server.shutdown()
        thread.join()
        _http.close_session()


def refused(match: str) -> None:
    with pytest.raises(WeightsError, match=match):
        zoo.create(SOURCE, pretrained=True)


Headers = Callable[[HostileHub], dict[str, str]]


@pytest.mark.parametrize(
    "headers",
    [
        lambda hub: {"Link": f'<{hub.elsewhere}/token>; rel="xet-auth"'},
        lambda hub: {"Link": f'<{hub.url}@localhost/token>; rel="xet-auth"'},
        lambda hub: {"Link": f'<{hub.elsewhere}\\@127.0.0.1/token>; rel="xet-auth"'},
        lambda hub: {"Link": '<https://huggingface.co.example.org/t>; rel="xet-auth"'},
        lambda hub: {"Link": '<http://huggingface.co/token>; rel="xet-auth"'},
        lambda hub: {"X-Xet-Refresh-Route": f"{hub.elsewhere}/token"},
        lambda hub: {"X-Xet-Refresh-Route": ""},
        lambda hub: {"Link": f'<{hub.elsewhere}/token>; rel="next"'},
    ],
)
@pytest.mark.parametrize("xet", [False, True])
def test_create_link_to_other_host_raises_and_keeps_token(
    hub: HostileHub, monkeypatch: pytest.MonkeyPatch, headers: Headers, xet: bool
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", not xet)
    hub.headers = {"X-Xet-Hash": "c" * 64, **headers(hub)}
    refused("has the token sent to .*, another host than its own")
    assert hub.tokens == []


@pytest.mark.parametrize(
    "location", ["http://example.org/x", "ftp://x/", "//example.org/x", "http:\\\\example.org"]
)
def test_create_redirect_to_plain_http_raises(hub: HostileHub, location: str) -> None:
    hub.status, hub.headers = 302, {"Location": location}
    refused("redirects to .*, which is not https")


@pytest.mark.parametrize("verb", ["verify", "upload"])
def test_check_response_lfs_action_to_other_host_raises(hub: HostileHub, verb: str) -> None:
    """huggingface_hub sends the token to "verify"."""
    endpoint.checked_endpoint()
    url = f"{hub.elsewhere}/v" if verb == "verify" else "http://example.org/u"
    hub.body = json.dumps({"objects": [{"actions": {verb: {"href": url}}}]}).encode()
    batch = f"{hub.url}/evil/m.git/info/lfs/objects/batch"
    with pytest.raises(endpoint.EndpointError, match=f"has the {verb} of a file sent to"):
        get_session().post(batch)
    hub.body = hub.body.replace(url.encode(), f"{hub.url}/v".encode())
    assert get_session().post(batch).is_success


def test_check_response_holds_on_later_clients(hub: HostileHub) -> None:
    """huggingface_hub makes a new client after a broken connection or a fork."""
    endpoint.checked_endpoint()
    _http.close_session()
    hub.headers = {"ETag": "../../pwn"}
    with pytest.raises(endpoint.EndpointError, match="no name of a file"):
        HfApi(endpoint=hub.url).model_info("evil/m")


@pytest.mark.parametrize("length", [None, 10**15])
def test_create_endless_body_is_cut(hub: HostileHub, tmp_path: Path, length: int | None) -> None:
    hub.endless, hub.length = True, length
    refused("sends more than it has announced|are free in the cache")
    assert hub.sent < 100 * MB
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size > MB]


def test_check_response_endless_error_page_is_cut(hub: HostileHub) -> None:
    hub.endless, hub.status = True, 500
    endpoint.checked_endpoint()
    with pytest.raises(endpoint.EndpointError, match="sends more than it has announced"):
        get_session().get(f"{hub.url}/api/models/evil/m")
    assert hub.sent < 150 * MB


def test_create_large_config_is_not_downloaded(hub: HostileHub) -> None:
    hub.endless, hub.length, hub.head_length = True, 6 << 30, 6 << 30
    refused("announces 6442450944 bytes, more than 1048576")
    assert hub.sent == 0


@pytest.mark.parametrize("size", ["-1", "1e3", "9" * 400])
def test_create_malformed_size_raises(hub: HostileHub, size: str) -> None:
    hub.headers = {"X-Linked-Size": size}
    refused("announces '.*' bytes")


def compressed(layers: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    data = b"".join([*(packer.compress(bytes(MB)) for _ in range(50)), packer.flush()])
    return gzip.compress(data, 9) if layers == 2 else data


@pytest.mark.parametrize(("encoding", "layers"), [("gzip", 1), ("gzip, gzip", 2), ("GZIP", 1)])
def test_create_compressed_body_raises(hub: HostileHub, encoding: str, layers: int) -> None:
    hub.body, hub.headers = compressed(layers), {"Content-Encoding": encoding}
    refused("sends a compressed file, which may be of any size")


@pytest.mark.parametrize("headers", [{"Retry-After": "99999"}, {"ratelimit": '"api";r=0;t=99999'}])
def test_create_long_wait_raises(hub: HostileHub, headers: dict[str, str]) -> None:
    hub.status, hub.headers = 429, headers
    refused("asks to wait for 99999 s")


def test_create_unknown_revision_is_not_called_rewritten(hub: HostileHub) -> None:
    hub.status, hub.headers = 404, {"X-Error-Code": "RevisionNotFound"}
    with pytest.raises(WeightsError, match=r"evil/m has no revision v9$"):
        zoo.create(f"{SOURCE}@v9", pretrained=True)


def test_from_hub_data_set_is_checked(hub: HostileHub, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    from zoo.evaluation.custom.labelled_images import from_hub
    from zoo.evaluation.custom.request import DataError

    monkeypatch.setattr(datasets.config, "HF_ENDPOINT", hub.url)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    hub.headers = {"ETag": "../../pwn"}
    with pytest.raises(DataError, match="no name of a file"):
        from_hub("evil/set", "test")
    monkeypatch.setattr(constants, "ENDPOINT", "http://example.org")
    with pytest.raises(DataError, match="HF_ENDPOINT is"):
        from_hub("evil/set", "test")
