"""Downloads from a URL: answers, redirects, mirrors and proxies, resuming, full disks."""

import io
import os
import signal
import subprocess
import sys
import time
import zipfile
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

import zoo
from tests.support.file_server import Answer, FileServer
from tests.support.full_disk import full_disk
from tests.support.patching import replace_everywhere
from tests.support.published_weights import MEMBER, NAME, PATH, left_over, refused, register_weights
from zoo.models import _conversion
from zoo.papers.weights import Weights, WeightsError, installed_dir


@pytest.mark.usefixtures("weights")
@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"status": 404}, r"is not there \(404\)"),
        ({"status": 503}, "status 503"),
        ({"headers": {"Content-Encoding": "gzip"}}, "sends a compressed file"),
        ({"headers": {"Content-Length": "many"}}, "did not arrive|does not say how many bytes"),
        ({"headers": {"Content-Length": str(1 << 40)}}, "announces 1099511627776 bytes"),
        ({"status": 302, "headers": {"Location": "http://example.org/x"}}, "which is not https"),
        ({"status": 302, "headers": {"Location": "https://example.org/x"}}, "another host than"),
        ({"status": 302, "headers": {"Location": PATH}}, "redirects more than 5 times"),
    ],
)
def test_create_bad_answer_raises(changes: dict[str, Any], match: str, server: FileServer) -> None:
    server.files[PATH] = replace(server.files[PATH], **changes)
    refused(match)


@pytest.mark.usefixtures("weights")
def test_create_redirect_to_other_name_of_server_raises(server: FileServer) -> None:
    elsewhere = server.url.replace("127.0.0.1", "localhost")
    server.files[PATH] = Answer(status=302, headers={"Location": f"{elsewhere}/x"})
    refused("redirects to localhost:[0-9]+, another host than its own")
    assert server.requests == [f"GET {PATH}"]


@pytest.mark.usefixtures("weights")
def test_create_moved_release_on_same_host_is_followed(server: FileServer) -> None:
    """As GitHub does after a repository is renamed; the sum says that it is the same file."""
    server.files["/new/place.zip"] = server.files[PATH]
    server.files[PATH] = Answer(status=301, headers={"Location": "/new/place.zip"})
    zoo.create(NAME, pretrained=True)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("release-assets.githubusercontent.com", True),
        ("githubusercontent.com.example.org", False),
        ("evilgithubusercontent.com", False),
    ],
)
def test_create_github_redirects_to_its_own_files_by_proxy(
    host: str,
    allowed: bool,
    weights: Weights,
    server: FileServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Through the proxy of the environment, which plays both hosts."""
    monkeypatch.delenv("ZOO_MIRROR")
    monkeypatch.setenv("ZOO_PLAIN_HTTP", f"github.com,{host}")
    monkeypatch.setenv("HTTP_PROXY", server.url)
    url = weights.url.replace("https:", "http:")
    register_weights(monkeypatch, replace(weights, url=url))
    server.files[f"//{host}/a.zip"] = server.files[PATH]
    moved = Answer(status=302, headers={"Location": f"http://{host}/a.zip"})
    server.files[url.removeprefix("http:")] = moved
    if not allowed:
        refused(f"github.com redirects to {host}")
        return
    zoo.create(NAME, pretrained=True)
    assert server.requests[-1] == f"GET //{host}/a.zip"


@pytest.mark.usefixtures("weights")
def test_create_plain_http_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_MIRROR", "https://github.com/=http://mirror.example/")
    refused("mirror.example/osmr/.*must be https")


@pytest.mark.usefixtures("weights")
def test_create_mirror_of_a_prefix(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = f"https://example.org/=https://other/ https://github.com/={server.url}/gh/"
    monkeypatch.setenv("ZOO_MIRROR", rules)
    server.files[f"/gh{PATH}"] = server.files[PATH]
    zoo.create(NAME, pretrained=True)
    assert server.requests == [f"GET /gh{PATH}"]


@pytest.mark.usefixtures("weights")
def test_create_offline_raises(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    refused("is not on this machine, and HF_HUB_OFFLINE is set")
    assert server.requests == []


@pytest.mark.usefixtures("weights")
def test_create_cut_download_resumes(server: FileServer) -> None:
    server.files[PATH].cut_after = 300_000
    with pytest.raises(WeightsError, match="after 300000 bytes; the same command resumes"):
        zoo.create(NAME, pretrained=True)
    assert [Path(name).suffix for name in left_over()] == [".etag", ".part"]
    zoo.create(NAME, pretrained=True)
    assert server.requests == [f"GET {PATH}", f"GET {PATH} bytes=300000-"]
    assert left_over() == [f"{NAME}.safetensors"]


@pytest.mark.usefixtures("weights")
def test_create_cut_download_of_changed_file_begins_again(
    server: FileServer, content: bytes
) -> None:
    """What arrived of the other file is not mixed in."""
    server.files[PATH].cut_after = 300_000
    with pytest.raises(WeightsError, match="resumes"):
        zoo.create(NAME, pretrained=True)
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr(MEMBER, content)
    server.files[PATH] = Answer(other.getvalue())
    zoo.create(NAME, pretrained=True)


@pytest.mark.usefixtures("weights")
def test_create_partial_file_that_is_too_long_begins_again(server: FileServer) -> None:
    server.files[PATH].cut_after = 300_000
    with pytest.raises(WeightsError, match="resumes"):
        zoo.create(NAME, pretrained=True)
    (part,) = installed_dir().rglob("*.part")
    part.write_bytes(bytes(10 * len(server.files[PATH].body)))
    zoo.create(NAME, pretrained=True)


CLIENT = """
import sys
from pathlib import Path
from zoo.checkpoints import web
web.download(sys.argv[1], Path(sys.argv[2]), max_bytes=1 << 30)
"""


def test_download_killed_process_resumes(server: FileServer, tmp_path: Path) -> None:
    body = os.urandom(64 << 20)
    server.files["/f.pth"] = Answer(body)
    file = tmp_path / "f.pth"
    part = tmp_path / "f.pth.part"
    command = [sys.executable, "-c", CLIENT, f"{server.url}/f.pth", str(file)]
    environment = {k: v for k, v in os.environ.items() if k not in ("HF_HUB_OFFLINE", "ZOO_MIRROR")}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        while not (part.is_file() and part.stat().st_size) and process.poll() is None:
            time.sleep(0.0005)
        process.send_signal(signal.SIGKILL)
    assert not file.exists()
    size = part.stat().st_size
    assert 0 < size < len(body)
    subprocess.run(command, env=environment, check=True, stderr=subprocess.DEVNULL)
    assert file.read_bytes() == body
    assert server.requests[-1] == f"GET /f.pth bytes={size}-"


def test_create_killed_while_converting_leaves_nothing_half_written(
    weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run clears what lies unpacked."""
    child = os.fork()
    if not child:
        kill = partial(os.kill, os.getpid(), signal.SIGKILL)
        replace_everywhere(
            monkeypatch, "zoo.models._conversion.convert_published", lambda *args: kill()
        )
        try:
            zoo.create(NAME, pretrained=True)
        finally:
            os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    assert not weights.path.exists()
    assert any(name.endswith(".unpacked") for name in left_over())
    zoo.create(NAME, pretrained=True)
    assert left_over() == [weights.file]


@pytest.mark.usefixtures("weights")
def test_create_full_disk_raises(server: FileServer) -> None:
    """A file may not grow beyond the limit, in the download or in what is unpacked."""
    size = len(server.files[PATH].body)
    for limit in (size // 2, size + 1000):
        with full_disk(limit):
            refused("File too large")
    zoo.create(NAME, pretrained=True)


@pytest.mark.usefixtures("weights")
@pytest.mark.parametrize("limit", [1000, 10], ids=["of-weights", "of-the-lock"])
def test_create_disk_full_after_conversion_raises(
    limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the converted file nor its lock is left without the other."""
    original = _conversion.convert_published
    with ExitStack() as stack:

        def convert(*args: Any) -> bytes:
            data = original(*args)
            stack.enter_context(full_disk(limit))
            return data

        replace_everywhere(monkeypatch, "zoo.models._conversion.convert_published", convert)
        refused("cannot be written: .*File too large")


@pytest.mark.usefixtures("weights")
def test_create_too_little_space_raises_before_download(monkeypatch: pytest.MonkeyPatch) -> None:
    replace_everywhere(monkeypatch, "zoo.checkpoints.endpoint.free_space", lambda folder: 1000)
    refused("and 1000 are free in")
