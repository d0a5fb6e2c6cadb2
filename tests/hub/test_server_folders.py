"""`zoo hub serve`: folders as repositories, and what is pushed beside them."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.conftest import ROOT
from tests.hub.test_server import get
from zoo.hub.server import Folders


def tree(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


CACHED = "models--openai--tiny/snapshots/" + "a" * 40


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder with a model, a data set and a cached model, and links that lead out of it."""
    files = {
        "lab/net/model.safetensors": b"w" * 100,
        "lab/net/sub/config.json": b"{}",
        "lab/net/.git/config": b"no",
        "datasets/lab/words/train.csv": b"a,b",
        "models--openai--tiny/blobs/0": b"cached",
        "models--openai--tiny/refs/main": b"a" * 40,
        "models--old/snapshots/" + "b" * 40 + "/f": b"old",
        CACHED + "/plain.txt": b"plain",
        "blobs/61/61ab": b"pool",
        ".ssh/keys/key": b"secret",
        "lab/.keys/key": b"secret",
    }
    folder = tree(tmp_path / "shelf", files)
    (folder / CACHED / "model.bin").symlink_to("../../blobs/0")
    tree(tmp_path / "secret", {"org/name/key": b"secret", "key": b"secret"})
    (folder / "lab/net/key").symlink_to(tmp_path / "secret" / "key")
    (folder / "lab/net/all").symlink_to(tmp_path / "secret")
    (folder / "lab/other").symlink_to(tmp_path / "secret" / "org" / "name")
    (folder / "org").symlink_to(tmp_path / "secret" / "org")
    os.mkfifo(folder / "lab/net/pipe")
    return folder


def test_folders_repos_lists_models_datasets_and_cached(shelf: Path) -> None:
    repos = Folders(shelf).repos()
    assert set(repos) == {
        ("model", "lab/net"),
        ("dataset", "lab/words"),
        ("model", "openai/tiny"),
        ("model", "old"),
    }
    files = {name: set(repo.commits[c].files) for name, repo in repos.items() for c in repo.commits}
    assert files["model", "lab/net"] == {"model.safetensors", "sub/config.json"}
    assert files["model", "openai/tiny"] == {"model.bin", "plain.txt"}
    assert repos["model", "openai/tiny"].branches == {"main": "a" * 40}
    assert repos["model", "old"].branches == {}


def test_folders_changed_file_gives_new_commit(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.hub.server.folders.FRESH", 0)
    source = Folders(shelf)
    first = source.repos()["model", "lab/net"].branches
    assert source.repos()["model", "lab/net"].branches == first
    assert Folders(shelf).repos()["model", "lab/net"].branches == first
    (shelf / "lab/net/sub/config.json").write_bytes(b"{1}")
    assert source.repos()["model", "lab/net"].branches != first


def started(folder: Path, *options: str) -> tuple[subprocess.Popen[str], str]:
    """`zoo hub serve`, and the line that it prints."""
    command = [sys.executable, "-m", "zoo.cli", "hub", "serve", str(folder), *options]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout
    return process, process.stdout.readline()


def test_hub_serve_read_only_serves_files_and_no_links_outside(shelf: Path) -> None:
    before = sorted(shelf.rglob("*"))
    process, line = started(shelf)
    try:
        url = line.split()[0]
        assert line == f"{url} serves 4 repositories of {shelf}, read only: HF_ENDPOINT={url}\n"
        status, headers, body = get(f"{url}/openai/tiny/resolve/main/model.bin")
        assert (status, headers["X-Repo-Commit"], body) == (200, "a" * 40, b"cached")
        foreign = {"Authorization": "Bearer hf_of_another_hub"}
        assert get(f"{url}/datasets/lab/words/resolve/main/train.csv", **foreign)[2] == b"a,b"
        assert get(f"{url}/old/resolve/{'b' * 40}/f")[2] == b"old"
        for path in ("lab/net/resolve/main/key", "lab/net/resolve/main/all/key"):
            assert get(f"{url}/{path}")[0] == 404
        create = Request(f"{url}/api/repos/create", b'{"name": "x"}', method="POST")
        with pytest.raises(HTTPError, match="403") as refused:
            urlopen(create)
        refused.value.close()
    finally:
        process.kill()
        process.communicate()
    assert sorted(shelf.rglob("*")) == before


PUSH = """
from huggingface_hub import HfApi
api = HfApi()
api.create_repo("lab/pushed", exist_ok=True)
print(api.upload_file(path_or_fileobj=b"w" * 5000, path_in_repo="w.bin", repo_id="lab/pushed").oid)
try:
    api.upload_file(path_or_fileobj=b"w", path_in_repo="w.txt", repo_id="lab/net")
except Exception as error:
    print(error)
"""


def test_hub_serve_writable_pushed_files_survive_restart(shelf: Path, tmp_path: Path) -> None:
    process, line = started(shelf, "--writable")
    try:
        settings = dict(word.split("=") for word in line.split() if "=" in word)
        assert (shelf / ".hub" / "token").stat().st_mode & 0o777 == 0o600
        env = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        env |= {"HF_HOME": str(tmp_path / "hf"), "NO_PROXY": "127.0.0.1", **settings}
        done = subprocess.run(
            [sys.executable, "-c", PUSH], env=env, capture_output=True, text=True, check=False
        )
        commit, refused = done.stdout.split("\n", 1)
        assert "nobody can push" in refused, done.stderr
    finally:
        process.kill()
        process.communicate()
    process, line = started(shelf)
    try:
        url = f"{line.split()[0]}/lab/pushed/resolve/{commit}/w.bin"
        assert get(url)[2] == b"w" * 5000
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("name", ["nowhere", "secret/key", "empty"])
def test_hub_serve_invalid_folder_exits_2_with_message(
    shelf: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "empty").mkdir()
    command = [sys.executable, "-m", "zoo.cli", "hub", "serve", str(tmp_path / name)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    last = done.stderr.splitlines()[-1]
    assert (done.returncode, last.startswith("zoo: "), name in last) == (2, True, True)
    assert "Traceback" not in done.stderr
