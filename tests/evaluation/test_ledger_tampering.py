"""Every change to a ledger's files is found, and said with the file that it is in."""

import json
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.ledgers import edit, filled
from zoo.evaluation.ledger import Ledger, LedgerError, identity, records

THREE = {}
with tempfile.TemporaryDirectory() as _folder:
    THREE = {path.name: path.read_bytes() for path in filled(Path(_folder), 3).paths}


@settings(deadline=None)
@given(name=st.sampled_from(sorted(THREE)), place=st.integers(0, 1200), byte=st.integers(0, 255))
def test_verify_any_edited_byte_raises(name: str, place: int, byte: int) -> None:
    edited = bytearray(THREE[name])
    place %= len(edited)
    if edited[place] == byte:
        return
    edited[place] = byte
    with tempfile.TemporaryDirectory() as folder:
        for other, text in THREE.items():
            Path(folder, other).write_bytes(edited if other == name else text)
        with pytest.raises(LedgerError, match=name):
            Ledger(Path(folder)).verify()
        before = [json.loads(text) for text in THREE.values()]
        with suppress(LedgerError):  # but for spaces between fields, which change no record
            assert Ledger(Path(folder)).records() == before


def _exchange(first: Path, second: Path) -> None:
    text = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(text)


def _forge(paths: list[Path]) -> None:
    """A record made anew, with an id that is right, where another was."""
    record = json.loads(paths[1].read_bytes())
    record["scores"]["error"] |= {"value": 0.0, "count": 0}
    record["id"] = identity(record)
    paths[1].write_text(records.text(record), "utf-8")


def _renumbered(paths: list[Path], old: int, new: int) -> Path:
    return paths[old].with_name(f"{new:06}{paths[old].name[6:]}")


DAMAGES: dict[str, tuple[Callable[[list[Path]], object], str]] = {
    "edited": (lambda p: edit(p[1], '"count": 1', '"count": 0'), "000002.* was edited"),
    "forged": (_forge, "000003.* does not follow the record before it"),
    "removed": (lambda p: p[1].unlink(), "has no record 2, but 000003"),
    "first removed": (lambda p: p[0].unlink(), "has no record 1, but 000002"),
    "reordered": (lambda p: _exchange(p[1], p[2]), "000002.* does not follow"),
    "duplicated": (lambda p: shutil.copy(p[1], _renumbered(p, 1, 4)), "000004.* does not follow"),
    "inserted": (
        lambda p: shutil.copy(p[0], p[1].with_name(p[1].name.replace("resnet21", "resnet99"))),
        "two records 2",
    ),
    "numbers with a gap": (lambda p: p[2].rename(_renumbered(p, 2, 4)), "has no record 3"),
    "number 0": (lambda p: p[0].rename(_renumbered(p, 0, 0)), "two records 0"),
    "broken JSON": (lambda p: edit(p[1], '"kind": ', '"kind" '), "000002.* is no record"),
    "half of it": (lambda p: p[2].write_bytes(p[2].read_bytes()[:99]), "000003.* is no record"),
    "empty": (lambda p: p[2].write_bytes(b""), "000003.* is no record"),
    "not UTF-8": (lambda p: p[2].write_bytes(b'{"id": "\xff"}'), "000003.* is no record"),
    "not a table": (lambda p: p[2].write_bytes(b"[1, 2]"), "000003.* is no record"),
    "without an id": (lambda p: p[2].write_bytes(b'{"previous": ""}'), "000003.* is no record"),
    "NaN": (lambda p: edit(p[2], '"threads": 2', '"threads": NaN'), "000003.* is no record"),
    "infinity": (lambda p: edit(p[2], '"threads": 2', '"threads": 1e999'), "000003.* is no"),
    "an endless number": (
        lambda p: edit(p[2], '"threads": 2', f'"threads": {"9" * 5000}'),
        "000003.* is no record",
    ),
    "nested too deeply": (lambda p: p[2].write_text("[" * 10**5), "000003.* is no record"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_verify_damaged_record_raises_with_file_name(damage: str, tmp_path: Path) -> None:
    ledger = filled(tmp_path, 3)
    spoil, message = DAMAGES[damage]
    spoil(ledger.paths)
    for read in (ledger.records, ledger.verify):
        with pytest.raises(LedgerError, match=message):
            read()
