"""What all tests share: the folder of real data, if there is one."""

import os
import tempfile
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch

import zoo
from tests.support.patching import replace_everywhere
from zoo.claims import check, judge, matching
from zoo.claims.verdict import Kind, Verdict
from zoo.distributed import init
from zoo.evaluation import ledger
from zoo.evaluation.config import EvalConfig
from zoo.models._builder import load_class
from zoo.models._registry import get_entry, list_weights
from zoo.papers.records import Claim

if "PYTEST_XDIST_WORKER" in os.environ:  # one process per core: one thread each
    torch.set_num_threads(int(os.environ.setdefault("OMP_NUM_THREADS", "1")))

# Where Xet remembers what it has sent to which server: not among the user's own.
_xet = tempfile.TemporaryDirectory(prefix="zoo-xet-")
os.environ["HF_XET_CACHE"] = _xet.name

# Which large files tests have hashed is forgotten with them.
_checked = tempfile.TemporaryDirectory(prefix="zoo-checked-")
os.environ["ZOO_CHECKED"] = f"{_checked.name}/checked.json"
os.environ["ZOO_BACKENDS"] = ""

# What tests measure goes into ledgers of their own.
_ledgers = tempfile.TemporaryDirectory(prefix="zoo-ledgers-")
_numbers = count()
os.environ["ZOO_LEDGER"] = f"{_ledgers.name}/session/ledger"

ROOT = Path(__file__).parent.parent


def pytest_unconfigure() -> None:
    """Remove what is above: a worker of xdist ends without the end of the interpreter."""
    for folder in (_xet, _checked, _ledgers):
        folder.cleanup()


def one_of_a_kind(
    values: Iterable[Any],
    kind: Callable[[Any], object],
    finer: Callable[[Any], object] | None = None,
) -> list[Any]:
    """Parameters of a test that takes long: the first of each kind, and slow ones: of each finer
    kind the first, or all others."""
    seen: set[object] = set()
    params = []
    for value in values:
        what, exactly = kind(value), finer(value) if finer else object()
        each = value if isinstance(value, tuple) else (value,)
        if exactly not in seen:
            params.append(pytest.param(*each, marks=pytest.mark.slow if what in seen else ()))
        seen |= {what, exactly}
    return params


def first_alone(values: Iterable[Any]) -> list[Any]:
    """Parameters of a test that takes long: the first, and slow ones."""
    return one_of_a_kind(values, lambda value: None)


def class_of(name: str) -> str:
    """What makes the network of a name: "package.module:Class"."""
    return get_entry(name).target


def options_of(name: str) -> tuple[str, tuple[str, ...]]:
    """The class of a name and which of its arguments are given: names that differ by their values
    run the same code."""
    entry = get_entry(name)
    return entry.target, tuple(sorted(entry.args))


def backbone(target: str) -> type:
    """Return the base class of the class at "package.module:Class"."""
    base: type = load_class(target).__bases__[0]
    return base


@pytest.fixture(scope="session")
def recorded() -> list[Verdict]:
    """What one whole `zoo.check()` says, by what is published."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_LEDGER", f"{_ledgers.name}/none/ledger")
        return check.verdicts_from_records()


@pytest.fixture(scope="session")
def zoo_data() -> Path:
    """ZOO_DATA, a folder of data sets and published checkpoints."""
    folder = os.environ.get("ZOO_DATA")
    if not folder:
        pytest.skip("ZOO_DATA is not set")
    return Path(folder)


@pytest.fixture(autouse=True)
def _leave_no_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns wide enough for a table, and no colour, whatever terminal runs the tests; nothing
    that another test has measured."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("ZOO_LEDGER", f"{_ledgers.name}/{next(_numbers)}/ledger")


@pytest.fixture
def nothing_published(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is not measured now is not known."""
    replace_everywhere(
        monkeypatch,
        "zoo.evaluation.ledger.published",
        lambda: ledger.Ledger(tmp_path / "published"),
    )


def measured(claim: Claim, data: Path | None = None) -> Verdict:
    """The verdict on a measured claim, by what it needs, measured now."""
    specs = matching.specs_for(claim, list_weights(claim.model))
    evaluations = check.measure(
        specs,
        data,
        init("cpu"),
        EvalConfig(),
        own=ledger.own().records(),
        published=ledger.published().records(),
    )
    return judge.measured(claim, evaluations)


def bundled(name: str, data: Path | None = None) -> list[Verdict]:
    """The rows of `zoo check` about weights that come with the zoo."""
    return [row for row in zoo.check(name, data=data) if row.kind == Kind.BUNDLED]
