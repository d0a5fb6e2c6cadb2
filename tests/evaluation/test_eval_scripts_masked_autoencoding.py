"""eval/masked_autoencoding.py: neighbours of features, and the record of a run."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from eval import masked_autoencoding
from tests.support.patching import replace_everywhere
from zoo.evaluation.ledger import Ledger
from zoo.training.masked_autoencoding import MaskedAutoencoding


def test_nearest_classes_are_the_most_frequent_among_neighbours() -> None:
    angles = torch.tensor([0.0, 0.1, 0.2, 1.5, 1.6, 3.0])
    labels = torch.tensor([0, 0, 1, 1, 1, 2])
    known = torch.stack([angles.cos(), angles.sin()], 1)
    asked = known[[0, 3, 5]]
    nearest = masked_autoencoding.nearest_classes
    assert nearest(known, labels, asked, 3).tolist() == [0, 1, 1]
    assert nearest(known, labels, asked, 1).tolist() == [0, 1, 2]


@pytest.mark.slow
def test_script_records_the_error_of_every_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = Ledger(tmp_path / "results")
    replace_everywhere(monkeypatch, "zoo.evaluation.ledger.published", lambda: published)
    objective = MaskedAutoencoding(pad=0, flip=False, steps=1)
    short = [replace(r, epochs=1, objective=objective) for r in masked_autoencoding.RECIPES]
    monkeypatch.setattr(masked_autoencoding, "RECIPES", short)
    monkeypatch.setattr(masked_autoencoding, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(sys, "argv", ["masked_autoencoding", "--seeds", "3", "--write"])
    masked_autoencoding.main()
    records = list(published.records())
    assert [record["recipe"] for record in records] == [recipe.name for recipe in short]
    for record in records:
        error = record["benchmarks"]["digits/test"]["scores"]["error"]
        assert error["total"] == 360
        assert 0 < error["value"] < 95
