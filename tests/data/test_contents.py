"""Hashes of the files of a data set: what changes them, and when a file is read again."""

import os
import time
from pathlib import Path

import datasets
import pytest

from zoo.checkpoints.hash_cache import SETTLE_TIME
from zoo.data.contents import files_digest
from zoo.data.parquet import open_files


@pytest.fixture(autouse=True)
def _empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ZOO_CHECKED", str(tmp_path / "cache" / "checked.json"))


def write(folder: Path, **texts: str) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / name for name in texts]
    for file, text in zip(files, texts.values(), strict=True):
        file.write_text(text)
    time.sleep(2 * SETTLE_TIME / 1e9)
    return files


def test_files_digest_depends_on_names_contents_and_order(tmp_path: Path) -> None:
    one = files_digest(write(tmp_path / "one", a="1", b="2"))
    assert one == files_digest(write(tmp_path / "moved", a="1", b="2"))
    others = [
        write(tmp_path / "content", a="1", b="3"),
        write(tmp_path / "name", a="1", c="2"),
        write(tmp_path / "order", a="1", b="2")[::-1],
    ]
    assert len({one, *map(files_digest, others)}) == 4


def test_files_digest_same_size_and_mtime_is_hashed_again(tmp_path: Path) -> None:
    files = write(tmp_path / "set", a="1", b="2")
    before, status = files_digest(files), files[0].stat()
    files[0].write_text("9")
    os.utime(files[0], ns=(status.st_atime_ns, status.st_mtime_ns))
    assert files_digest(files) != before


def test_files_digest_unchanged_file_is_not_read(tmp_path: Path) -> None:
    files = write(tmp_path / "set", a="1", b="2")
    (tmp_path / "cache").mkdir()
    before = files_digest(files)
    (cache,) = (tmp_path / "cache" / "contents").iterdir()
    cache.write_text(cache.read_text().replace("6b86b273", "00000000"))
    assert files_digest(files) != before  # the sha256 of "1" is taken from the cache
    cache.write_text("[")
    assert files_digest(files) == before


def test_open_files_other_rows_of_same_name_and_mtime_are_read(tmp_path: Path) -> None:
    """`datasets` itself gives the old rows: it looks at names and times."""
    file = tmp_path / "rows.parquet"
    for rows in ([1, 2], [3, 4]):
        datasets.Dataset.from_dict({"x": rows}).to_parquet(file)
        os.utime(file, (10**9, 10**9))
        assert open_files([file])["x"][:] == rows
