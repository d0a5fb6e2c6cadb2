"""Loading large files, with the cache of their hashes."""

import time
from pathlib import Path

import pytest
from torch import Tensor

from zoo.checkpoints import hash_cache
from zoo.checkpoints.safetensors_reader import read_tensors


def settle() -> None:
    """Wait until nothing has just been written."""
    time.sleep(1.5 * hash_cache.SETTLE_TIME / 1e9)


class Load:
    """Loads files; counts those that were hashed, and keeps the sha256 that were accepted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hashed = 0
        self.sums: list[str] = []
        lookup = hash_cache.lookup

        def counted(path: Path, status: hash_cache.FileStatus | None) -> str | None:
            sha256 = lookup(path, status)
            self.hashed += sha256 is None
            return sha256

        monkeypatch.setattr(hash_cache, "lookup", counted)

    def __call__(self, path: Path) -> dict[str, Tensor]:
        return read_tensors("it", path, self.sums.append)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the cache, for files of any size."""
    monkeypatch.setattr(hash_cache, "MIN_SIZE", 1)
    monkeypatch.setenv("ZOO_CHECKED", str(tmp_path / "deep" / "checked.json"))
    return tmp_path / "deep" / "checked.json"


@pytest.fixture
def load(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    return Load(monkeypatch)
