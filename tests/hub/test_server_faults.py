"""What may lie in the folder of a Hub, and who else may use it: nothing stops the rest."""

import json
import logging
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.hub.test_server import get
from tests.hub.test_server_folders import tree
from zoo.cli.hub import serve
from zoo.hub import server
from zoo.hub.server import Folders, HttpError, HubApp, Store
from zoo.hub.server.folders import hash_file
from zoo.hub.server.store import File, git_oid

SHA256, COMMIT = "1" * 64, "a" * 40
LAUGHS = "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 8))
BAD_FILES = {
    "aliases": {"bad/one/README.md": f"---\na0: &a0 [x]\n{LAUGHS}---\n".encode()},
    "cycle": {"bad/one/README.md": b"---\ntags: &a [*a]\n---\n"},
    "date key": {"bad/one/README.md": b"---\n2020-01-01: x\n---\n"},
    "latin-1 text": {"bad/one/README.md": b"---\na: \xff\n---\n"},
    "latin-1 name": {os.fsdecode(b"bad/one/\xff.txt"): b"x", "bad/one/f": b"x"},
    "latin-1 folder": {os.fsdecode(b"bad/\xff/f"): b"x"},
    "control character": {"bad/one/a\rb": b"x"},
    "ref": {f"models--b--c/snapshots/{COMMIT}/f": b"{}", "models--b--c/refs/main": b"\xff"},
    "empty record": {".hub/repos/models--me--r1.json": b""},
    "other record": {".hub/repos/models--me--r1.json": b'{"kind": "model", "name": 1}'},
    "empty file record": {f".hub/files/{SHA256}.json": b""},
    "empty id": {".hub/id": b""},
}


@pytest.mark.parametrize("files", BAD_FILES.values(), ids=BAD_FILES)
def test_server_bad_file_in_folder_leaves_rest_served(
    tmp_path: Path, files: dict[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    folder = tree(tmp_path, {"org/good/config.json": b"{}"} | files)
    app = HubApp(Store(folder / ".hub", {}, Folders(folder)), writable=False)
    assert re.fullmatch("[0-9a-f]{16}", app.xet.id)
    with caplog.at_level(logging.WARNING), server.serving(app) as url:
        start = time.process_time()
        status, _, body = get(f"{url}/api/models")
        assert time.process_time() - start < 2
        assert status == 200
        assert "org/good" in [repo["id"] for repo in json.loads(body)]
        assert get(f"{url}/org/good/resolve/main/config.json")[2] == b"{}"
    name = repr(Path(next(iter(files))).name)[1:-1]
    if name not in ("README.md", "id", "f"):  # those are served, or made again
        assert any("skipped" in line and name in line for line in caplog.messages)


def test_folders_unreadable_file_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree(tmp_path, {"org/good/a": b"x", "org/good/b": b"y"})

    def refuse_b(key: str, path: Path, size: int) -> File:
        if key == "b":
            raise PermissionError(f"no right to read {path}")
        return hash_file(key, path, size)

    monkeypatch.setattr("zoo.hub.server.folders.hash_file", refuse_b)
    (commit,) = Folders(tmp_path).repos()["model", "org/good"].commits.values()
    assert set(commit.files) == {"a"}


def test_folders_file_replaced_by_link_is_not_served(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    folder = tree(tmp_path / "shelf", {"org/net/f": b"x", ".hub/token": b"hf_secret"})
    (folder / "org/net/token").symlink_to(folder / ".hub/token")
    folders = Folders(folder)
    (commit,) = folders.repos()["model", "org/net"].commits.values()
    assert set(commit.files) == {"f"}
    assert folders.path(commit.files["f"].sha256)
    (folder / "org/net/f").unlink()
    (folder / "org/net/f").symlink_to(tmp_path / "secret")
    assert folders.path(commit.files["f"].sha256) is None


def test_create_repo_with_broken_record_raises(tmp_path: Path) -> None:
    """Nothing is written over what a person may mend."""
    record = tree(tmp_path, {"repos/models--me--r1.json": b"{"}) / "repos/models--me--r1.json"
    with pytest.raises(HttpError, match=r"mend models--me--r1\.json first"):
        Store(tmp_path).create("model", "me/r1")
    assert record.read_bytes() == b"{"


def test_repo_at_prefers_commit_to_branch_of_its_name(tmp_path: Path) -> None:
    store = Store(tmp_path)
    repo = store.create("model", "alice/net")
    first = repo.at("main")
    files = {"f": File(store.keep([b"x"]), 1, git_oid(b"x"), False)}
    second = store.commit(repo, "main", files, title="", author="")
    store.save(repo, branches={**repo.branches, first.name: second.name})
    assert repo.at(first.name) == first


def test_hub_serve_second_writable_server_exits_2(tmp_path: Path) -> None:
    store = Store(tmp_path / ".hub")
    command = [sys.executable, "-m", "zoo.cli", "hub", "serve", str(tmp_path), "--writable"]
    with store.locked():
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
        )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("zoo: another server writes to ")
    with store.locked():
        pass


def test_hub_serve_without_extra_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ValueError, match=r"needs uvicorn: pip install 'residual-zoo\[server\]'"):
        serve(tmp_path)


def test_hub_serve_interrupted_stops(tmp_path: Path) -> None:
    tree(tmp_path, {"org/good/config.json": b"{}"})
    command = [sys.executable, "-m", "zoo.cli", "hub", "serve", str(tmp_path)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    process.stdout.readline()
    time.sleep(0.5)
    process.send_signal(2)
    _, stderr = process.communicate(timeout=20)
    assert (process.returncode, stderr.splitlines()[-1]) == (0, "stopped")
