"""What all tests share: the folder of real data, if there is one."""

import os
import tempfile
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # one process per core: one thread each
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# Where Xet remembers what it has sent to which server: not among the user's own.
_xet = tempfile.TemporaryDirectory(prefix="zoo-xet-")
os.environ["HF_XET_CACHE"] = _xet.name

# Seconds, roughly.
LONG = {"test_behaviour": 80, "test_readme": 60, "test_counts": 45, "test_decoders": 27}

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def zoo_data() -> Path:
    """ZOO_DATA, a folder of data sets and published checkpoints."""
    folder = os.environ.get("ZOO_DATA")
    if not folder:
        pytest.skip("ZOO_DATA is not set")
    return Path(folder)


@pytest.fixture(autouse=True)
def _leave_no_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns wide enough for a table, and no colour, whatever terminal runs the tests."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest come first, so that no core waits for one at the end."""
    items.sort(key=lambda item: -LONG.get(item.path.stem, 0))
