"""Atomic writes."""

import multiprocessing
import os
from pathlib import Path

import pytest

from zoo._io import atomic_path, atomic_write


def test_atomic_write_replaces_the_file_and_leaves_no_temporary(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    atomic_write(path, "old")
    atomic_write(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def _interrupted_write(path: Path) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt


def test_atomic_path_error_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        _interrupted_write(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_atomic_write_mode_follows_umask_or_the_old_file(tmp_path: Path) -> None:
    path, before = tmp_path / "a", os.umask(0o027)
    try:
        atomic_write(path, "1")
        assert path.stat().st_mode & 0o777 == 0o640
        path.chmod(0o600)
        atomic_write(path, "2")
        assert path.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


def _write_often(path: Path, letter: str) -> None:
    for _ in range(50):
        atomic_write(path, letter * 100_000)


def test_atomic_write_concurrent_writers_never_mix(tmp_path: Path) -> None:
    path = tmp_path / "a"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_often, args=(path, letter)) for letter in "ab"]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        if path.exists():
            assert path.read_text() in ("a" * 100_000, "b" * 100_000)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert list(tmp_path.iterdir()) == [path]
