"""A Hub that is not what it should be: nothing leaves the cache, no token leaves."""

import contextlib
import json
import logging
import shutil
import time
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, constants
from starlette.requests import Request

import zoo
from tests.checkpoints import test_download as test_hub
from tests.support import hub_server
from tests.support.hub_server import Fault, Files, Hub, Reply
from tests.support.models import bundled_weights
from zoo.checkpoints import endpoint as guard
from zoo.checkpoints import hash_cache, loading, safetensors_format, safetensors_reader
from zoo.hub import push
from zoo.models._registry import default_weights
from zoo.papers.weights import WeightsError

remote = test_hub.remote
REPO, FILE = "alice/small", "model.safetensors"
SOURCE = f"hf-hub:{REPO}"
TOKEN = "hf_alice"  # of tests/support/hub_server.py


@pytest.fixture(scope="module")
def first() -> Files:
    """A repository."""
    known = bundled_weights("resnet20")
    files = push.tensor_files(zoo.create("resnet20.zoo_digits", pretrained=True).state_dict())
    config = {"architecture": known.model, "num_classes": 10}
    return {**files, "config.json": json.dumps(config).encode()}


def tree(folder: Path) -> list[str]:
    """The files below a folder that are more than locks and notes of huggingface_hub."""
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and ".locks" not in path.parts and path.suffix not in (".json", ".TAG")
    )


@pytest.mark.slow
@pytest.mark.parametrize("header", ["ETag", "X-Linked-Etag"])
@pytest.mark.parametrize("value", ['"../../../pwn"', "/etc/pwn", "a\\b", '""', "x" * 200])
def test_download_etag_outside_cache_raises(
    remote: Hub, first: Files, tmp_path: Path, header: str, value: str
) -> None:
    remote.push(REPO, first)
    remote.faults.append(hub_server.with_header(header, value))
    with pytest.raises(WeightsError, match=f"answers .* as {header}, no name of a file"):
        zoo.create(SOURCE)
    assert tree(tmp_path) == []


@pytest.mark.parametrize("value", ["../../pwn", "main", "0" * 39])
def test_download_invalid_commit_header_raises(
    remote: Hub, first: Files, tmp_path: Path, value: str
) -> None:
    remote.push(REPO, first)
    remote.faults.append(hub_server.with_header("X-Repo-Commit", value))
    with pytest.raises(WeightsError, match="names no commit, but"):
        zoo.create(SOURCE)
    assert tree(tmp_path) == []


def uploaded(remote: Hub, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """The repository, sent through Xet, and a client that uses it."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    api = HfApi(endpoint=remote.url, token=TOKEN)
    api.create_repo("alice/small")
    operations = [CommitOperationAdd(name, data) for name, data in files.items()]
    api.create_commit("alice/small", operations, commit_message="as timm made them")


@pytest.mark.parametrize("url", ["local:///tmp/pwn", "file:///tmp", "http://example.org", ""])
def test_download_xet_from_untrusted_url_raises(
    remote: Hub, first: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    uploaded(remote, first, monkeypatch)

    def elsewhere(request: Request, reply: Reply) -> Reply:
        if "xet-read-token" not in request.url.path:
            return reply
        return replace(reply, headers={**reply.headers, "X-Xet-Cas-Url": url})

    remote.faults.append(elsewhere)
    with pytest.raises(WeightsError, match=r"has Xet read from .*, which is not https"):
        zoo.create(SOURCE)
    assert not [path for path in tree(tmp_path / "hf" / "hub") if FILE in path]


def test_download_compressed_response_raises(remote: Hub, first: Files, tmp_path: Path) -> None:
    remote.push(REPO, first)
    remote.faults.append(hub_server.bomb(100_000_000))
    with pytest.raises(WeightsError, match="sends a compressed file, which may be of any size"):
        zoo.create(SOURCE)
    assert not [path for path in tree(tmp_path) if not path.endswith("refs/main")]


@pytest.mark.parametrize("xet", [False, True])
def test_download_tampered_bytes_raises_and_retry_succeeds(
    remote: Hub, first: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, xet: bool
) -> None:
    """Nothing pins them yet, but the Hub has stated their sha256. The next call downloads again."""
    uploaded(remote, first, monkeypatch)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", not xet)
    remote.faults.append(hub_server.tampered)
    with pytest.raises(WeightsError, match=r"the Hub says|did not arrive whole|no JSON object"):
        zoo.create(SOURCE)
    assert not [path for path in tree(tmp_path) if "snapshots" in path and FILE in path]
    remote.faults.clear()
    shutil.rmtree(tmp_path / "hf" / "hub")  # config.json has no sum of its own
    zoo.create(SOURCE)


@pytest.mark.parametrize("large", [False, True])
def test_create_modified_cached_file_raises_and_is_evicted(
    remote: Hub, first: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    """Even if its sha256 was in the hash cache; the next call downloads it again."""
    remote.push(REPO, first)
    view_tensors = Mock(wraps=safetensors_format.view_tensors)
    monkeypatch.setattr(safetensors_reader, "view_tensors", view_tensors)
    monkeypatch.setattr(hash_cache, "MIN_SIZE", 1 if large else hash_cache.MIN_SIZE)
    monkeypatch.setattr(hash_cache, "SETTLE_TIME", 0)
    zoo.create(SOURCE)
    zoo.create(SOURCE)
    assert view_tensors.called == large
    (path,) = (tmp_path / "hf" / "hub").rglob(FILE)
    blob = path.resolve()
    blob.write_bytes(bytes(b ^ 1 for b in blob.read_bytes()))
    with pytest.raises(WeightsError, match=rf"has sha256 .* pins {blob.name}.*removed from the"):
        zoo.create(SOURCE)
    assert not path.exists()
    zoo.create(SOURCE)


@pytest.mark.parametrize("endpoint", ["http://example.org", "ftp://x", "file:///tmp", "example"])
def test_checked_endpoint_plain_http_raises(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    with pytest.raises(guard.EndpointError, match=r"must be https, or this machine, or a host in"):
        guard.checked_endpoint()
    with pytest.raises(WeightsError, match="HF_ENDPOINT is"):
        loading.fetch_tensors(default_weights("resnet18"))


def test_checked_endpoint_allowed_hosts_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_PLAIN_HTTP", "lab,other")
    for endpoint in (
        "https://hub.example",
        "http://lab:8000",
        "http://[::1]:9",
        "http://localhost",
    ):
        monkeypatch.setattr(constants, "ENDPOINT", endpoint)
        assert guard.checked_endpoint() == endpoint
    monkeypatch.setattr(constants, "ENDPOINT", "http://lab.example")
    with pytest.raises(guard.EndpointError):
        guard.checked_endpoint()


def test_download_token_stays_with_endpoint(
    remote: Hub,
    first: Files,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Downloads come from another host; a fault makes a message. The token is in neither."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    remote.push(REPO, first)
    remote.host_downloads_elsewhere()
    with caplog.at_level(logging.DEBUG):
        zoo.create(SOURCE)
    hosts = {host: {a for h, _, a in remote.seen if h == host} for host, _, _ in remote.seen}
    assert hosts["127.0.0.1"] == {f"Bearer {TOKEN}"}
    assert hosts["localhost"] == {""}
    remote.errors[REPO] = (403, "")
    with pytest.raises(WeightsError) as error:
        zoo.create(f"{SOURCE}@v1")
    out = capfd.readouterr()
    assert not [t for t in (str(error.value), caplog.text, out.out, out.err) if TOKEN in t]


@pytest.mark.slow
def test_download_slow_hub_succeeds(remote: Hub, first: Files) -> None:
    remote.push(REPO, first)
    remote.faults.append(hub_server.slow(0.3))
    start = time.monotonic()
    zoo.create(SOURCE)
    assert time.monotonic() - start > 0.3


@pytest.mark.parametrize("fault", [hub_server.unavailable(1), hub_server.cut_after(1000)])
def test_download_transient_failure_recovers(
    remote: Hub, first: Files, tmp_path: Path, fault: Fault
) -> None:
    """The same call, or the next one, is well."""
    remote.push(REPO, first)
    remote.faults.append(fault)
    with contextlib.suppress(WeightsError):
        zoo.create(SOURCE)
    zoo.create(SOURCE)
    (path,) = (tmp_path / "hf" / "hub").rglob(FILE)
    assert path.read_bytes() == first[FILE]
