"""Weights on the Hub, from a real one on loopback, whose repositories timm's own functions made."""

import json
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
import safetensors.torch
import timm
import torch
from huggingface_hub import constants
from timm.models import save_for_hf

import zoo
from tests.conftest import ROOT
from tests.golden.fill import fill, images, layers_of
from tests.support.hub_server import Files, Hub, serving
from tests.support.models import bundled_weights
from tests.support.patching import replace_everywhere
from zoo.checkpoints.download import is_cached
from zoo.hub.pinning import pin_weights
from zoo.models._registry import default_weights, parse_name
from zoo.papers.weights import TIMM_FILE, WeightsError

NAME, REPO = "resnet18.tv_in1k", "timm/resnet18.tv_in1k"
FILE = "model.safetensors"


def saved(folder: Path, seed: int) -> Files:
    """What timm uploads of a resnet18 with drawn weights, statistics and signs."""
    model = timm.create_model("resnet18").eval()
    fill(layers_of(model), seed)
    save_for_hf(model.float(), folder, safe_serialization=True)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A repository."""
    return saved(tmp_path_factory.mktemp("first"), 0)


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """An empty Hub, and this process as its client with an empty cache.

    HF_ENDPOINT is read when huggingface_hub is imported, so what was read is replaced.
    """
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with serving() as server:
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, server.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        yield server


def lock_of(tmp_path: Path) -> dict[str, dict[str, str]]:
    """The lock file that the fixture's client writes."""
    path = tmp_path / "hf" / "zoo" / "lock.json"
    entries: dict[str, dict[str, str]] = json.loads(path.read_text()) if path.exists() else {}
    return entries


def forget(tmp_path: Path) -> None:
    """Clears the cache, as people do; the lock file stays."""
    shutil.rmtree(tmp_path / "hf" / "hub")


def test_create_hub_weights_logits_equal_timm(
    remote: Hub, first: Files, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    commit = remote.push(REPO, first)
    with caplog.at_level(logging.WARNING, "zoo.checkpoints.download"):
        ours = zoo.create(NAME, pretrained=True)
    theirs = timm.create_model(NAME, pretrained=True).eval()
    x = images(224).float()
    with torch.no_grad():
        assert torch.equal(ours(x), theirs(x))
    digest = sha256(first[FILE]).hexdigest()
    assert lock_of(tmp_path) == {f"{REPO}/{FILE}": {"revision": commit, "sha256": digest}}
    assert [commit in text and digest in text for text in caplog.messages] == [True]
    asked = len(remote.requests)
    with caplog.at_level(logging.WARNING, "zoo.checkpoints.download"):
        zoo.create("resnet18", pretrained=True)  # the bare name is the same weights
    assert (len(remote.requests), len(caplog.messages)) == (asked, 2)
    assert caplog.messages[1].startswith(
        f"resnet18 stands for {NAME}, for imagenet/val, by {REPO} ("
    )


def test_create_overrides_leave_backbone_weights(remote: Hub, first: Files) -> None:
    remote.push(REPO, first)
    file = safetensors.torch.load(first[FILE])
    head = zoo.create(NAME, pretrained=True, num_classes=10, in_chans=1)
    assert head.fc.weight.shape == (10, 512)
    assert torch.equal(head.layer4[1].conv2.weight, file["layer4.1.conv2.weight"])
    assert torch.equal(head.conv1.weight, file["conv1.weight"].sum(1, keepdim=True))
    body = zoo.create(NAME, pretrained=True, features_only=True, out_indices=(1, 4))
    whole = zoo.create(NAME, pretrained=True)
    _, expected = whole.forward_intermediates(images(64).float(), indices=[1, 4])
    features = body(images(64).float())
    assert [torch.equal(a, b) for a, b in zip(features, expected, strict=True)] == [True, True]


def test_download_locked_commit_ignores_new_rejects_rewritten(
    remote: Hub, first: Files, tmp_path: Path
) -> None:
    commit = remote.push(REPO, first)
    old = zoo.create(NAME, pretrained=True)
    other = saved(tmp_path / "other", 1)
    remote.push(REPO, other)
    forget(tmp_path)
    assert torch.equal(zoo.create(NAME, pretrained=True).fc.weight, old.fc.weight)
    forget(tmp_path)
    remote.repos[REPO][commit] = other
    sums = [sha256(files[FILE]).hexdigest() for files in (other, first)]
    with pytest.raises(WeightsError, match=rf"{NAME}: .*{sums[0]}, .*lock\.json pins {sums[1]}"):
        zoo.create(NAME, pretrained=True)
    del remote.repos[REPO][commit]
    forget(tmp_path)
    with pytest.raises(WeightsError, match=f"has no revision {commit}"):
        zoo.create(NAME, pretrained=True)


def test_download_offline_uses_cache_only(
    remote: Hub, first: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote.push(REPO, first)
    entry = parse_name(NAME)[1]
    assert entry
    assert not is_cached(entry)
    zoo.create(NAME, pretrained=True)
    assert is_cached(entry)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    asked = len(remote.requests)
    assert zoo.create(NAME, pretrained=True).fc.weight.shape == (1000, 512)
    forget(tmp_path)
    with pytest.raises(WeightsError, match=rf"{NAME}: .*not in .*HF_HUB_OFFLINE"):
        zoo.create(NAME, pretrained=True)
    assert len(remote.requests) == asked


def test_download_unreachable_endpoint_raises(remote: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(remote.url, "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # between the client's attempts
    with pytest.raises(WeightsError, match=rf"(, and|from) {remote.url}( does not give it)?: "):
        zoo.create(NAME, pretrained=True)


HUGE = (100 << 20).to_bytes(8, "little")


@pytest.mark.parametrize(
    ("files", "error", "says"),
    [
        (None, None, "no repository timm/resnet18.tv_in1k, or a private one"),
        (None, (403, "GatedRepo"), "is gated: accept its terms"),
        (None, (403, ""), "does not give it: .*403"),
        ({"pytorch_model.bin": b"pickle"}, None, "has no model.safetensors at main.*`zoo convert`"),
        ({FILE: b""}, None, "no safetensors file"),
        ({FILE: b"version https://git-lfs"}, None, "a header of .* bytes, more than"),
        ({FILE: HUGE + b"{}"}, None, "a header of 104857600 bytes, more than"),
        ({FILE: safetensors.torch.save({"a": torch.ones(2)})}, None, r"lacks .*has no use for a$"),
    ],
)
def test_download_failure_raises_one_sentence(
    remote: Hub, files: Files | None, error: tuple[int, str] | None, says: str, tmp_path: Path
) -> None:
    if files is not None:
        remote.push(REPO, files)
    if error:
        remote.errors[REPO] = error
    with pytest.raises(WeightsError, match=says) as raised:
        zoo.create(NAME, pretrained=True)
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith(NAME)
    assert lock_of(tmp_path) == {}


def test_download_truncated_file_is_not_loaded_or_locked(
    remote: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # between the client's attempts
    remote.push(REPO, {FILE: safetensors.torch.save({"fc.bias": torch.ones(1000)})})
    remote.cut.add(REPO)
    with pytest.raises(WeightsError, match=r"did not arrive whole from .*received 2040 bytes"):
        zoo.create(NAME, pretrained=True)
    assert lock_of(tmp_path) == {}


@pytest.mark.parametrize("text", ["", "[]", '{"a/b/c": 1}', '{"a/b/c": {"sha256": ""}}'])
def test_lock_file_broken_content_raises_with_path(
    remote: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    path = tmp_path / "mine.json"
    path.write_text(text)
    monkeypatch.setenv("ZOO_LOCK", str(path))
    with pytest.raises(WeightsError, match=f"^{path} is not a lock file"):
        zoo.create(NAME, pretrained=True)
    assert remote.requests == []


def test_lock_file_unwritable_raises_with_path(
    remote: Hub, first: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ZOO_LOCK", str(tmp_path / "file" / "lock.json"))
    remote.push(REPO, first)
    with pytest.raises(WeightsError, match=r"lock\.json cannot be written .*; set ZOO_LOCK"):
        zoo.create(NAME, pretrained=True)


LOAD_AND_PIN = f"""
import sys, zoo
from zoo.cli import main
zoo.create({NAME!r}, pretrained=True)
sys.argv[1:] = ["dev", "pin", {NAME!r}]
main()
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the zoo that may be written."""
    folder = tmp_path / "checkout"
    shutil.copytree(ROOT / "zoo", folder / "zoo", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.mark.slow
def test_pin_writes_lock_into_paper_folder(checkout: Path, first: Files) -> None:
    """In a process of its own, which reads HF_ENDPOINT and has warnings as errors."""
    env = {"PYTHONPATH": str(checkout), "HF_HOME": str(checkout / "hf"), "HF_HUB_OFFLINE": "0"}
    with serving() as remote:
        commit = remote.push(REPO, first)
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", LOAD_AND_PIN],
            cwd=checkout,
            env=os.environ | env | {"HF_ENDPOINT": remote.url, "NO_PROXY": "127.0.0.1"},
            capture_output=True,
            text=True,
            check=False,
        )
    digest = sha256(first[FILE]).hexdigest()
    assert f"{NAME}: locked at {commit}, sha256 {digest}" in done.stderr
    assert done.stdout == f"{NAME}: pinned at {commit}, sha256 {digest}\n"
    path = Path("zoo", "models", "resnet", TIMM_FILE)
    before, after = ((folder / path).read_text() for folder in (ROOT, checkout))
    entry = json.loads(before)["weights"][NAME] | {"revision": commit, "sha256": digest}
    assert json.loads(after)["weights"] == json.loads(before)["weights"] | {NAME: entry}
    assert len(set(after.splitlines()) - set(before.splitlines())) == 2


def test_download_pinned_weights_need_no_lock(
    remote: Hub, first: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = remote.push(REPO, first)
    remote.push(REPO, {})
    known = default_weights("resnet18")
    pinned = replace(known, revision=commit, sha256=sha256(first[FILE]).hexdigest())
    replace_everywhere(monkeypatch, "zoo.models._registry.list_weights", lambda name: [pinned])
    zoo.create(NAME, pretrained=True)
    assert lock_of(tmp_path) == {}
    monkeypatch.setattr(
        "zoo.hub.pinning.MODELS_DIR", tmp_path
    )  # never the real ones, whatever pin does
    with pytest.raises(WeightsError, match=r"is pinned in resnet/timm_weights\.json already"):
        pin_weights(pinned)
    pinned = replace(pinned, sha256="0" * 64)
    with pytest.raises(WeightsError, match=r"has sha256 .*, resnet/timm_weights\.json pins 0000"):
        zoo.create(NAME, pretrained=True)


def test_pin_unloaded_installed_or_bundled_raises(
    remote: Hub, first: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.hub.pinning.MODELS_DIR", tmp_path / "site-packages" / "zoo" / "models")
    remote.push(REPO, first)
    _, entry = parse_name(NAME)
    assert entry
    with pytest.raises(WeightsError, match=f"{NAME} has not been loaded here: zoo.create it once"):
        pin_weights(entry)
    zoo.create(NAME, pretrained=True)
    with pytest.raises(WeightsError, match="is part of an installed zoo; pin in a checkout"):
        pin_weights(entry)
    with pytest.raises(WeightsError, match=r"is not on the Hub; resnet/paper\.toml:"):
        pin_weights(bundled_weights("resnet20"))
