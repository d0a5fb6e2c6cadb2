"""Weights at a URL: one download, sums before pickles, nothing half-written."""

import io
import os
import pickle
import zipfile
from dataclasses import replace
from hashlib import sha1, sha256
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants
from typer.testing import CliRunner

import zoo
from tests.support.file_server import Answer, FileServer
from tests.support.published_weights import (
    MEMBER,
    NAME,
    PATH,
    checkpoint_bytes,
    left_over,
    refused,
    register_weights,
    zip_bytes,
)
from zoo.checkpoints import lockfile
from zoo.cli.app import app
from zoo.models._builder import build_model
from zoo.papers.weights import Weights, WeightsError


def test_create_published_zip_equals_provider_network(
    weights: Weights, network: Any, server: FileServer
) -> None:
    network, images = network.double(), torch.randn(2, 3, 32, 32, dtype=torch.float64)
    model = zoo.create(NAME.partition(".")[0], pretrained=True, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(model(images), network(images), rtol=0, atol=1e-12)
    network.float()
    assert server.requests == [f"GET {PATH}"]
    assert left_over() == [weights.file]
    (entry,) = lockfile.read_lockfile().values()
    assert entry["revision"] == weights.sum
    assert entry["sha256"] == sha256(weights.path.read_bytes()).hexdigest()


@pytest.mark.usefixtures("weights")
def test_create_second_time_neither_downloads_nor_unpickles(
    server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    zoo.create(NAME, pretrained=True)
    server.files.clear()
    monkeypatch.setattr(torch, "load", None)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    zoo.create(NAME, pretrained=True)
    assert len(server.requests) == 1


def test_create_changed_installed_file_raises(weights: Weights) -> None:
    zoo.create(NAME, pretrained=True)
    data = bytearray(weights.path.read_bytes())
    data[-1] ^= 1
    weights.path.write_bytes(data)
    with pytest.raises(WeightsError, match=r"has sha256 .*lock\.json pins"):
        zoo.create(NAME, pretrained=True)


def test_create_installed_file_without_lock_is_downloaded_again(
    weights: Weights, server: FileServer
) -> None:
    """A file that nothing pins is not loaded, even where an installed one should be."""
    weights.path.parent.mkdir(parents=True)
    weights.path.write_bytes(b"anything")
    zoo.create(NAME, pretrained=True)
    assert len(server.requests) == 1


def test_create_wrong_sha1_raises_before_unpickling(
    weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_weights(monkeypatch, replace(weights, sum=f"sha1:{'0' * 40}"))
    monkeypatch.setattr(torch, "load", None)
    refused(r"holds sha1:[0-9a-f]{40}, and resnet/timm_weights.json says sha1:0{40}")


def test_create_first_digits_of_sha256_are_enough(
    weights: Weights, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = sha256(content).hexdigest()
    register_weights(monkeypatch, replace(weights, sum=f"sha256:{digest[:8]}"))
    zoo.create(NAME, pretrained=True)
    (entry,) = lockfile.read_lockfile().values()
    assert entry["revision"] == f"sha256:{digest}"


class Exploit:
    def __reduce__(self) -> Any:
        return os.system, ("false",)


def test_create_pickle_with_code_raises(
    weights: Weights, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if its sum fits."""
    data = pickle.dumps(Exploit())
    register_weights(monkeypatch, replace(weights, sum=f"sha1:{sha1(data).hexdigest()}"))
    server.files[PATH] = Answer(zip_bytes({MEMBER: data}))
    refused("is no checkpoint that can be read safely")


def test_create_other_network_raises(
    weights: Weights, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = checkpoint_bytes(build_model("resnet32", shortcut="B").state_dict())
    register_weights(monkeypatch, replace(weights, sum=f"sha1:{sha1(data).hexdigest()}"))
    server.files[PATH] = Answer(zip_bytes({MEMBER: data}))
    refused("nearest to resnet20: the file has no use for")


def bomb() -> bytes:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(MEMBER, "w") as file,
    ):
        for _ in range(80):
            file.write(bytes(1 << 20))
    return buffer.getvalue()


@pytest.mark.usefixtures("weights")
@pytest.mark.parametrize(
    ("archive", "match"),
    [
        (lambda data: zip_bytes({MEMBER: data})[:-100], "the zip is damaged"),
        (lambda data: zip_bytes({MEMBER: data}).replace(b"PK\x03\x04", b"PK\x03\x05"), "damaged"),
        (lambda data: data[:1000], "the zip is damaged"),
        (lambda data: zip_bytes({MEMBER: data, "b.pth": data}), r"one checkpoint, .* b\.pth"),
        (lambda data: zip_bytes({}), "one checkpoint, and holds nothing"),
        (lambda data: zip_bytes({f"../{MEMBER}": data}), r"without a folder, not '\.\./"),
        (lambda data: zip_bytes({f"a/{MEMBER}": data}), "without a folder"),
        (lambda data: zip_bytes({f"/tmp/{MEMBER}": data}), "without a folder"),
        (lambda data: bomb(), "has 83886080 bytes; at most"),
    ],
)
def test_create_bad_zip_raises(
    archive: Any, match: str, content: bytes, server: FileServer
) -> None:
    server.files[PATH] = Answer(archive(content))
    refused(match)


def test_create_named_member_of_zip(
    weights: Weights, content: bytes, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files[PATH] = Answer(zip_bytes({"README": b"", f"models/{MEMBER}": content}))
    register_weights(monkeypatch, replace(weights, member="models/other.pth"))
    refused("the zip has no models/other.pth")
    register_weights(monkeypatch, replace(weights, member=f"models/{MEMBER}"))
    zoo.create(NAME, pretrained=True)


def test_create_without_sum_asks_for_trust_once(
    weights: Weights, content: bytes, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_weights(monkeypatch, replace(weights, sum=""))
    refused(rf"nobody has published a sum of .*`zoo pull {NAME} --trust`")
    assert server.requests == []
    done = CliRunner().invoke(app, ["pull", NAME, "--trust"])
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == str(weights.path)
    (entry,) = lockfile.read_lockfile().values()
    assert entry["revision"] == f"sha256:{sha256(content).hexdigest()}"
    weights.path.unlink()
    zoo.create(NAME, pretrained=True)  # the lock is the sum now
    weights.path.unlink()
    server.files[PATH] = Answer(zip_bytes({MEMBER: content + b"x"}))
    with pytest.raises(WeightsError, match=r"holds sha256:.*lock\.json says sha256:"):
        zoo.create(NAME, pretrained=True)
    done = CliRunner().invoke(app, ["unlock", NAME])
    assert done.exit_code == 0, done.output
    assert lockfile.read_lockfile() == {}


def test_create_pin_of_paper_does_not_fit_raises(
    weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_weights(monkeypatch, replace(weights, sha256="0" * 64))
    refused(r"becomes sha256 [0-9a-f]{64}, resnet/timm_weights.json pins 0{64}")


@pytest.mark.usefixtures("weights")
def test_pull_to_folder_serves_machine_without_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = CliRunner().invoke(app, ["pull", NAME, "--to", str(tmp_path / "bundle")])
    assert done.exit_code == 0, done.output
    monkeypatch.setenv("ZOO_WEIGHTS", str(tmp_path / "bundle" / "zoo" / "weights"))
    monkeypatch.setenv("ZOO_LOCK", str(tmp_path / "bundle" / "zoo" / "lock.json"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    zoo.create(NAME, pretrained=True)


def test_create_plain_pth_and_torch7(
    weights: Weights, content: bytes, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "https://example.org/a%20b.pth"
    register_weights(monkeypatch, replace(weights, url=url))
    server.files["/a%20b.pth"] = Answer(b"\x04\x00\x00\x00 of Torch7")
    refused("holds sha1:")
    server.files["/a%20b.pth"] = Answer(content)
    zoo.create(NAME, pretrained=True)
