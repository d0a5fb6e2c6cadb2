"""Records whose numbers cannot belong together, and a published ledger that was cut short."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.ledgers import content
from zoo.evaluation.ledger import (
    PIN,
    EvalRecord,
    Ledger,
    LedgerError,
    SpeedRecord,
    TrainingRecord,
    identity,
    published,
    records,
)


def _error(**changes: Any) -> dict[str, Any]:
    score = {"value": 100 * 36 / 360, "interval": [7.3, 13.5], "count": 36, "total": 360}
    return {"scores": {"error": score | changes}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (_error(count=-1), "error: -1 of 360"),
        (_error(count=361, value=100.2, interval=[99.0, 101.0]), "error: 361 of 360"),
        (_error(value=1.0, interval=[0.0, 2.0]), "error: 1.0 is not 36 of 360"),
        (_error(value=14.0), "error: 14.0 is outside of its interval 7.3 to 13.5"),
        (_error(total=359), "error: 359 of 360 samples"),
        ({"date": "2026-02-30T00:00:00Z"}, "date: 2026-02-30T00:00:00Z does not exist"),
        ({"changed": {"count": 5, "total": 4}}, "changed: 5 of 4"),
        (
            {"scores": {"loss": {"value": 2.0, "count": 9.0, "total": 3}}},
            "loss: 2.0 is not 9.0 of 3",
        ),
    ],
)
def test_ledger_numbers_that_disagree_raise_on_adding_and_on_reading(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    ledger = Ledger(tmp_path)
    with pytest.raises(LedgerError, match=re.escape(message)):
        ledger.add(content(**changes))
    record = dict(ledger.add(content())) | changes
    record["id"] = identity(record)
    ledger.paths[0].write_text(records.text(record), "utf-8")
    with pytest.raises(LedgerError, match=re.escape(message)):
        ledger.records()


def test_published_ledger_without_its_last_records_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = shutil.copytree(published().folder, tmp_path / "results")
    monkeypatch.setattr("zoo.evaluation.ledger.CHECKOUT", copied)
    count = Ledger(copied).verify()
    for path in Ledger(copied).paths[-30:]:
        path.unlink()
    for read in (Ledger(copied).records, Ledger(copied).verify):
        with pytest.raises(LedgerError, match=rf"pins {count}, the last of them [0-9a-f]{{12}}"):
            read()


def test_published_ledger_pin_is_its_length_and_last_id() -> None:
    ledger = published()
    assert json.loads(PIN.read_text()) == {"records": len(ledger.paths), "last": ledger.last}


def test_published_ledger_addition_moves_the_pin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.evaluation.ledger.CHECKOUT", tmp_path)
    monkeypatch.setattr("zoo.evaluation.ledger.PIN", tmp_path / "pin.json")
    added = Ledger(tmp_path).extend([content(1), content(2)])
    pin = json.loads((tmp_path / "pin.json").read_text())
    assert pin == {"records": 2, "last": added[-1]["id"]}


@pytest.mark.parametrize("kind", ["evaluation", "training", "speed"])
def test_record_types_have_the_fields_of_the_schema(kind: str) -> None:
    schema = json.loads(records.SCHEMA.read_text(encoding="utf-8"))
    (branch,) = (
        rule["then"]
        for rule in schema["allOf"]
        if rule["if"]["properties"]["kind"]["const"] == kind
    )
    types = {"evaluation": EvalRecord, "training": TrainingRecord, "speed": SpeedRecord}
    assert set(types[kind].__annotations__) == set(branch["properties"])
    assert types[kind].__required_keys__ == {*schema["required"], *branch["required"]}
