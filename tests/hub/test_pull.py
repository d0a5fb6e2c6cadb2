"""Bundles for machines without network, what verify finds, and processes that are killed."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from huggingface_hub import HfApi, close_session, constants
from starlette.requests import Request

import zoo
from tests.checkpoints import test_download as test_hub
from tests.hub import test_push
from tests.hub.test_push import EQUAL, REPO, SOURCE
from tests.support.cli import run_cli
from tests.support.hub_server import Files, Hub, Reply
from zoo.checkpoints.lockfile import read_lockfile
from zoo.hub import reference_outputs
from zoo.hub.pinning import unlock
from zoo.hub.pull import pull
from zoo.hub.push import push, tensor_files
from zoo.hub.verify import local_weights, verify
from zoo.models._registry import UnknownNameError
from zoo.papers.weights import WeightsError

remote, first, hub = test_hub.remote, test_hub.first, test_push.hub
pytestmark = [
    *([test_push.pytestmark]),
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]
PIECE = 1 << 17  # bytes between two points at which a process may be killed


def at(monkeypatch: pytest.MonkeyPatch, home: Path, *, is_offline: bool) -> None:
    """This process on another machine."""
    monkeypatch.setattr(constants, "HF_HOME", str(home))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", is_offline)


def test_pull_bundle_serves_offline_create_and_verify(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push("resnet20.zoo_digits", REPO)
    bundle = tmp_path / "bundle"
    with ThreadPoolExecutor(2) as pool:  # two that write the same files
        written, again = pool.map(
            lambda names: pull(names, bundle), 2 * [[SOURCE, "resnet20.zoo_digits"]]
        )
    assert written == again
    assert not list(bundle.rglob("*.part"))
    assert {path.name for path in written} == {
        "config.json",
        "model.safetensors",
        reference_outputs.FILE,
    }
    assert all(path.is_relative_to(bundle) for path in written)
    at(monkeypatch, bundle, is_offline=True)
    asked = len(hub.requests)
    model = zoo.create(SOURCE)
    assert torch.equal(
        model.fc.weight, zoo.create("resnet20.zoo_digits", pretrained=True).fc.weight
    )
    results = {result.name: result for result in verify([SOURCE, "resnet20.zoo_digits"])}
    assert (results[SOURCE].error, results[SOURCE].outputs) == (None, EQUAL)
    assert results["resnet20.zoo_digits"].error is None
    assert SOURCE in local_weights()
    assert len(hub.requests) == asked


def test_pull_timm_weights_serves_offline_create(
    remote: Hub, first: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights that a paper lists, but has not pinned."""
    remote.push(test_hub.REPO, first)
    (path,) = pull([test_hub.NAME], tmp_path / "bundle")
    assert path.read_bytes() == first["model.safetensors"]
    at(monkeypatch, tmp_path / "bundle", is_offline=True)
    asked = len(remote.requests)
    zoo.create(test_hub.NAME, pretrained=True)
    assert test_hub.NAME in local_weights()
    assert len(remote.requests) == asked


def test_server_serves_pulled_bundle(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`zoo hub serve DIR/hub`, for the machines around."""
    from zoo.hub import server

    done = push("resnet20.zoo_digits", REPO)
    pull([SOURCE], tmp_path / "bundle")
    folders = server.Folders(tmp_path / "bundle" / "hub")
    served = server.HubApp(server.Store(tmp_path / "own", {}, folders))
    with server.serving(served) as url:
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "ENDPOINT", url)
        at(monkeypatch, tmp_path / "other", is_offline=False)
        zoo.create(SOURCE)
        assert read_lockfile()[f"{REPO}/config.json"]["revision"] == done.commit


def test_unlock_source_allows_newer_commit(hub: Hub) -> None:
    """A later commit is not looked at, until a person asks for it."""
    push("resnet20.zoo_digits", REPO)
    zoo.create(SOURCE)
    push("preresnet20.zoo_digits", REPO)
    assert type(zoo.create(SOURCE)) is type(zoo.create("resnet20"))
    assert unlock(f"{SOURCE}@main") == [f"{REPO}/config.json"]
    assert type(zoo.create(SOURCE)) is type(zoo.create("preresnet20"))
    for name in ("hf-hub:alice/other", "resnet20", "resnet50.tv_in1k"):
        with pytest.raises(WeightsError, match="nothing of it is locked in"):
            unlock(name)


def test_verify_corrupt_file_reports_error_once(hub: Hub, tmp_path: Path) -> None:
    push("resnet20.zoo_digits", REPO)
    zoo.create(SOURCE)
    (path,) = (tmp_path / "hf" / "hub").rglob("model.safetensors")
    blob = path.resolve()
    data = bytearray(blob.read_bytes())
    data[-1] ^= 1
    blob.write_bytes(data)
    (checked,) = verify([SOURCE])
    assert sha256(data).hexdigest() in str(checked.error)
    assert "timm_weights" not in str(checked.error)
    assert f"the config.json of {SOURCE} pins" in str(checked.error)
    (checked,) = verify([SOURCE])
    assert (checked.error, checked.outputs) == (None, EQUAL)
    api = HfApi(endpoint=constants.ENDPOINT)
    api.delete_file(reference_outputs.FILE, REPO)
    (checked,) = verify([f"{SOURCE}@main"])
    assert (checked.error, checked.outputs) == (None, f"no {reference_outputs.FILE} is at hand")
    with pytest.raises(UnknownNameError):
        list(verify(["resnet21"]))


def test_create_removed_locked_commit_raises(hub: Hub, tmp_path: Path) -> None:
    """Its owner has rewritten the history; what is at main now is not what was locked."""
    known = zoo.create("resnet20.zoo_digits", pretrained=True)
    files = {**tensor_files(known.state_dict()), "config.json": b'{"architecture": "resnet20"}'}
    commit = hub.push("timm/gone", files)
    zoo.create("hf-hub:timm/gone")
    hub.push("timm/gone", files)
    zoo.create("hf-hub:timm/gone")  # still at the commit that was locked
    assert read_lockfile()["timm/gone/config.json"]["revision"] == commit
    del hub.repos["timm/gone"][commit]
    test_hub.forget(tmp_path)
    with pytest.raises(WeightsError, match=f"has no revision {commit}.*rewritten the history"):
        zoo.create("hf-hub:timm/gone")
    with pytest.raises(WeightsError, match=r"timm/gone has no revision v9$"):
        zoo.create("hf-hub:timm/gone@v9")


def test_pull_cli_names_only_folders_that_exist(hub: Hub, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    result = run_cli("pull", "resnet20.zoo_digits", "--to", bundle)
    assert (result.code, bundle.exists()) == (0, False)
    assert result.out == f"resnet20.zoo_digits: part of the zoo, so {bundle} needs no file of it\n"
    push("resnet20.zoo_digits", REPO)
    result = run_cli("pull", SOURCE, "resnet20.zoo_digits", "--to", bundle)
    assert result.out.endswith(f"zoo hub serve {bundle / 'hub'}` for others\n")
    assert (bundle / "hub").is_dir()


# Killed at several points


def events(hub: Hub, happens: Callable[[], None]) -> None:
    """Has `happens` called at every request, and between the pieces of every body."""

    def pieces(reply: Reply) -> Iterator[bytes]:
        for piece in reply.pieces:
            for start in range(0, len(piece), PIECE):
                happens()
                yield piece[start : start + PIECE]

    def fault(request: Request, reply: Reply) -> Reply:
        happens()
        return replace(reply, pieces=pieces(reply)) if reply.length > PIECE else reply

    hub.faults.append(fault)


def killed(hub: Hub, work: Callable[[], object], point: int) -> bool:
    """Whether a process that does `work` was killed at an event of the server; else it is done."""
    close_session()
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.read(reader, 1)
        torch.set_num_threads(1)
        try:
            work()
        finally:
            os._exit(0)
    left = [point]

    def happens() -> None:
        left[0] -= 1
        if not left[0]:
            os.kill(child, signal.SIGKILL)

    events(hub, happens)
    os.write(writer, b"x")
    _, status = os.waitpid(child, 0)
    hub.faults.clear()
    return os.WIFSIGNALED(status)


def whole(folder: Path, files: dict[str, bytes]) -> None:
    """No file of a cache or bundle has other bytes than the repository's."""
    for path in folder.rglob("*"):
        if path.is_file() and path.name in files:
            assert path.read_bytes() == files[path.name], path
        if path.name == "lock.json":
            json.loads(path.read_text())


@pytest.mark.slow
@pytest.mark.parametrize("point", [1, 4, 7, 10, 14])
def test_pull_killed_process_leaves_whole_files(hub: Hub, tmp_path: Path, point: int) -> None:
    push("resnet20.zoo_digits", REPO)
    api = HfApi(endpoint=constants.ENDPOINT)
    files = {}
    for name in ("config.json", "model.safetensors", reference_outputs.FILE):
        files[name] = Path(api.hf_hub_download(REPO, name, cache_dir=tmp_path / "x")).read_bytes()
    bundle = tmp_path / "bundle"
    was_killed = killed(hub, lambda: pull([SOURCE], bundle), point)
    assert was_killed or point > 10
    whole(bundle, files)
    whole(tmp_path / "hf", files)
    assert len(pull([SOURCE], bundle)) == 3
    whole(bundle, files)
    (checked,) = verify([SOURCE])
    assert checked.outputs == EQUAL


@pytest.mark.slow
@pytest.mark.parametrize("point", [1, 3, 5, 7])
def test_push_killed_process_completes_on_rerun(hub: Hub, point: int) -> None:
    was_killed = killed(hub, lambda: push("resnet20.zoo_digits", REPO), point)
    assert was_killed or point > 6
    push("resnet20.zoo_digits", REPO)
    assert push("resnet20.zoo_digits", REPO).changed == ()
    (checked,) = verify([SOURCE])
    assert (checked.error, checked.outputs) == (None, EQUAL)
