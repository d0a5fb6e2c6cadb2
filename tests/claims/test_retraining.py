"""`zoo check --retrain` of time series: trained now, by a shorter recipe, and judged."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.patching import replace_everywhere
from tests.support.series import write_set
from zoo.claims.retraining import retrain, train_record
from zoo.evaluation.ledger import records
from zoo.training import Recipe, time_series


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Coffee with drawn series, and recipes of three epochs."""
    write_set(tmp_path, "Coffee", (0, 1))

    whole = time_series.recipe_of

    def shortened(model: str, benchmark: str) -> Recipe:
        return replace(whole(model, benchmark), epochs=3)

    replace_everywhere(monkeypatch, "zoo.training.time_series.recipe_of", shortened)
    return tmp_path


def test_retrain_judges_the_error_on_the_test_split(data: Path) -> None:
    texts: list[str] = []
    (verdict,) = retrain("tsc_mlp", data=data, on_progress=texts.append)
    assert verdict.claim
    assert verdict.claim.benchmark == "ucr/coffee"
    assert (verdict.claimed, verdict.measured) == ("0.0 %", "0.00 %")
    assert verdict.status == "reproduced"
    assert texts[0] == "tsc_mlp on ucr/coffee: epoch 1 of 3"
    assert texts[2].startswith("tsc_mlp on ucr/coffee: epoch 3 of 3, 0.0 minutes left")


def test_trained_record_is_valid(data: Path) -> None:
    record = train_record("tsc_mlp", "ucr/coffee", data)
    records.validate(records.new(record, ""))
    assert (record["recipe"], record["epochs"], len(record["history"])) == ("tsc_mlp.ucr", 3, 3)
    score = record["benchmarks"]["ucr/coffee"]["scores"]["error"]
    assert (score["count"], score["total"]) == (0, 28)


def test_retrain_without_the_data_set_says_so(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="no printed number of tsc_resnet has a recipe"):
        list(retrain("tsc_resnet", data=tmp_path))
