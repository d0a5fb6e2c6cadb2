"""A server that stands for every publisher, and data sets of few samples."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from huggingface_hub import constants

from tests.support.file_server import FileServer, serving
from tests.support.patching import replace_everywhere
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.catalog.entries import list_datasets


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    with serving() as files:
        monkeypatch.setenv("ZOO_MIRROR", files.url)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield files


@pytest.fixture
def resize(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Give a data set few samples: its benchmarks' sizes, and fields of its entry."""

    def resize(name: str, size: int, **fields: Any) -> None:
        entries = {entry.name: entry for entry in list_datasets()}
        entries[name] = replace(entries[name], **fields)
        known = tuple(entries.values())
        replace_everywhere(monkeypatch, "zoo.data.catalog.entries.list_datasets", lambda: known)
        for benchmark in entries[name].benchmarks:
            monkeypatch.setitem(BENCHMARKS, benchmark, replace(BENCHMARKS[benchmark], size=size))

    return resize
