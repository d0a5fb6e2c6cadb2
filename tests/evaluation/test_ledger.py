"""A ledger keeps what is added, and says of every change to it which file it is in."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import ROOT
from tests.support.ledgers import content, edit, filled, training
from zoo.evaluation import ledger
from zoo.evaluation.ledger import Ledger, LedgerError, identity, merge, records

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # no NaN, and none of the characters that UTF-8 lacks
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_ledger_add_is_read_back_and_verified(tmp_path: Path) -> None:
    new_ledger = Ledger(tmp_path / "new" / "folder")
    assert (new_ledger.records(), new_ledger.verify(), new_ledger.last) == ([], 0, "")
    first = new_ledger.add(content(1))
    second = new_ledger.add(training("plain56", 3) | {"id": "mine", "previous": "mine"})
    assert new_ledger.records() == [first, second]
    assert (first["previous"], second["previous"]) == ("", first["id"])
    assert new_ledger.last == second["id"] == identity(second)
    assert new_ledger.verify() == 2
    assert [path.name for path in new_ledger.paths] == [
        "000001-20261102T010100Z-resnet21.zoo_digits-digits_test.json",
        "000002-20261121T114000Z-plain56.zoo_digits-seed3.json",
    ]
    assert ledger.latest(new_ledger.records(), model="resnet21") == first
    assert ledger.latest(new_ledger.records(), model="resnet22") is None


@settings(max_examples=40, deadline=None)
@given(protocol=st.dictionaries(st.text(), VALUES, max_size=3))
def test_ledger_add_any_json_value_round_trips(protocol: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        added = Ledger(Path(folder)).add(content(protocol=protocol))
        assert Ledger(Path(folder)).records() == [added]
        assert added["protocol"] == protocol
        assert Ledger(Path(folder)).verify() == 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seconds": float("nan")}, "what JSON can say"),
        ({"seconds": float("inf")}, "what JSON can say"),
        ({"samples": 10**5000}, "what JSON can say"),
        ({"device": "\ud800"}, "what JSON can say"),
        ({"protocol": {"pixels": {1, 2}}}, "what JSON can say"),
        ({"kind": "opinion"}, "kind: 'opinion' is not one of"),
        ({"samples": 0}, "samples: 0 is less than the minimum of 1"),
        ({"sha256": "c5da"}, "sha256: 'c5da' does not match"),
        ({"date": "2026-11-21T11:40:00Z\n"}, "date: "),
        ({"weather": "fine"}, "'weather' was unexpected"),
        ({"scores": {"error": {"value": "low"}}}, "scores/error/value: 'low' is not of type"),
        ({"scores": {}}, "scores: {} should be non-empty"),
    ],
)
def test_ledger_extend_invalid_record_adds_nothing(
    changed: dict[str, Any], message: str, tmp_path: Path
) -> None:
    new_ledger = Ledger(tmp_path)
    new_ledger.add(content())
    with pytest.raises(LedgerError, match=message):
        new_ledger.extend([content(1), content(2, **changed)])
    missing = content(2)
    del missing["benchmark"]
    with pytest.raises(LedgerError, match="'benchmark' is a required property"):
        new_ledger.add(missing)
    assert new_ledger.verify() == 1


def test_ledger_add_extreme_numbers_round_trip(tmp_path: Path) -> None:
    new_ledger = Ledger(tmp_path)
    added = new_ledger.add(content(peak_memory=10**300, seconds=1.7976931348623157e308))
    assert (added["peak_memory"], added["seconds"]) == (10**300, 1.7976931348623157e308)
    new_ledger.add(content(seconds=5e-324))
    assert new_ledger.verify() == 2


def test_ledger_verify_edit_of_same_meaning_raises(tmp_path: Path) -> None:
    new_ledger = filled(tmp_path, 3)
    before = new_ledger.records()
    edit(new_ledger.paths[1], '"threads": 2', '"threads": 99,\n "threads": 2')
    assert new_ledger.records() == before
    with pytest.raises(LedgerError, match=r"000002.* not the bytes that were added"):
        new_ledger.verify()


def test_ledger_verify_crlf_line_endings_passes(tmp_path: Path) -> None:
    new_ledger = filled(tmp_path, 2)
    for path in new_ledger.paths:
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert new_ledger.verify() == 2


def test_ledger_verify_rehashed_invalid_record_raises(tmp_path: Path) -> None:
    new_ledger = filled(tmp_path, 1)
    record = json.loads(new_ledger.paths[0].read_bytes()) | {"processes": 0}
    record["id"] = identity(record)
    new_ledger.paths[0].write_text(records.text(record), "utf-8")
    assert new_ledger.records() == [record]
    with pytest.raises(LedgerError, match=r"000001.*processes: 0 is less than the minimum"):
        new_ledger.verify()


def test_ledger_last_removed_record_changes_id(tmp_path: Path) -> None:
    new_ledger = filled(tmp_path, 3)
    last = new_ledger.last
    new_ledger.paths[2].unlink()
    assert new_ledger.verify() == 2
    assert new_ledger.last != last


def test_ledger_add_after_edit_still_raises(tmp_path: Path) -> None:
    new_ledger = filled(tmp_path, 3)
    edit(new_ledger.paths[0], '"threads": 2', '"threads": 9')
    new_ledger.add(content(3))
    with pytest.raises(LedgerError, match=r"000001.* was edited"):
        new_ledger.verify()
    edit(new_ledger.paths[3], '"threads": 2', '"threads": 9')
    with pytest.raises(LedgerError, match=r"000004.* was edited"):
        new_ledger.add(content(4))
    new_ledger.paths[1].unlink()
    with pytest.raises(LedgerError, match="has no record 3, but 000004"):
        new_ledger.add(content(4))


def test_ledger_other_files_are_ignored(tmp_path: Path) -> None:
    new_ledger = filled(tmp_path, 1)
    others = {
        "README.md": "hello",
        "notes.json": "{}",
        "20261121T042014Z-speed.json": '{"rows": []}',
        "000002-20261121T042014Z-half.json.part": '{"kind": "eval',
        "00003-20261121T042014Z-short.json": "{}",
        "000001-20261121T042014Z-a copy.json": "{}",
    }
    for name, text in others.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "folder").mkdir()
    new_ledger.add(content(1))
    assert new_ledger.verify() == len(new_ledger.records()) == 2
    assert {name: (tmp_path / name).read_text() for name in others} == others


def test_ledger_paths_millionth_record_comes_last(tmp_path: Path) -> None:
    for number in (999_999, 1_000_000):
        (tmp_path / f"{number}-20261121T042014Z-x.json").touch()
    assert [path.name[:7] for path in Ledger(tmp_path).paths] == ["999999-", "1000000"]


def test_ledger_file_names_are_ascii_and_short(tmp_path: Path) -> None:
    added = Ledger(tmp_path).add(training("modèle/../x" * 20, 0))
    (path,) = Ledger(tmp_path).paths
    assert Ledger(tmp_path).records() == [added]
    assert path.name.isascii()
    assert len(path.name) < 128


@contextmanager
def _mortal() -> Iterator[None]:
    """As a user who may not write everywhere, if root runs the tests."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_ledger_read_only_folder_refuses_additions() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        new_ledger = filled(folder / "new_ledger", 2)
        for path in (folder, folder / "new_ledger"):
            path.chmod(0o555)
        with _mortal():
            assert new_ledger.verify() == len(new_ledger.records()) == 2
            for there in (new_ledger, Ledger(folder / "new"), Ledger(new_ledger.paths[0])):
                with pytest.raises(LedgerError, match=f"nothing can be added to {there.folder}"):
                    there.add(content(2))
        folder.chmod(0o755)
        (folder / "new_ledger").chmod(0o755)


def test_merge_diverged_ledgers_joins_records(tmp_path: Path) -> None:
    ours, theirs = filled(tmp_path / "ours", 2), filled(tmp_path / "theirs", 2)
    mine = [ours.add(content(10)), ours.add(content(11))]
    other = [theirs.add(training("plain20", seed)) for seed in range(3)]
    both = tmp_path / "both"  # what git makes of two branches
    shutil.copytree(ours.folder, both)
    shutil.copytree(theirs.folder, both, dirs_exist_ok=True)
    with pytest.raises(LedgerError, match=r"two records 3.*`zoo ledger merge`"):
        Ledger(both).records()

    added = merge(theirs, ours)
    assert [record["seed"] for record in added] == [0, 1, 2]
    assert ours.records()[2:4] == mine
    assert added[0]["previous"] == mine[-1]["id"] != other[0]["previous"]
    assert merge(theirs, ours) == merge(ours, ours) == []
    assert [record["model"] for record in merge(ours, theirs)] == [r["model"] for r in mine]
    assert merge(ours, theirs) == merge(theirs, ours) == []
    assert ours.verify() == theirs.verify() == 7
    contents = [
        sorted(r["date"] + r["device"] for r in new_ledger.records())
        for new_ledger in (ours, theirs)
    ]
    assert contents[0] == contents[1]


def test_merge_broken_ledger_adds_nothing(tmp_path: Path) -> None:
    ours, theirs = filled(tmp_path / "ours", 1), filled(tmp_path / "theirs", 3)
    edit(theirs.paths[2], '"threads": 2', '"threads": 9')
    with pytest.raises(LedgerError, match=r"000003.* was edited"):
        merge(theirs, ours)
    assert ours.verify() == 1


def test_own_ledger_follows_environment_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_LEDGER", str(tmp_path))
    assert ledger.own() == Ledger(tmp_path)
    monkeypatch.delenv("ZOO_LEDGER")
    assert ledger.own().folder.parts[-2:] == ("zoo", "ledger")


def test_published_ledger_verifies() -> None:
    """Every record is valid, none was edited, removed or put between."""
    published = ledger.published()
    assert published.folder == ROOT / "eval" / "results"
    assert published.verify() == len(published.paths) > 0
