"""`zoo counts`: counts.json of a paper."""

import json
from pathlib import Path

import pytest

from tests.support.cli import run_cli
from tests.support.patching import replace_everywhere
from zoo.claims import counts
from zoo.models._catalog import list_claims
from zoo.models._registry import get_entry, model_entries, stored_counts
from zoo.papers.weights import MODELS_DIR

FAMILIES = sorted(path.parent.name for path in MODELS_DIR.glob("*/counts.json"))


@pytest.mark.slow
@pytest.mark.parametrize("paper", ["laurel", "stochastic_depth"])
def test_counts_of_clean_checkout_changes_nothing(paper: str) -> None:
    path = MODELS_DIR / paper / "counts.json"
    before = path.read_bytes()
    try:
        assert run_cli("counts", paper).code == 0
        assert path.read_bytes() == before
    finally:
        path.write_bytes(before)


@pytest.mark.slow
@pytest.mark.parametrize("paper", FAMILIES)
def test_stored_counts_are_those_of_the_claims(paper: str) -> None:
    """Of networks: tests/models/test_complexity.py."""
    stored = json.loads((MODELS_DIR / paper / "counts.json").read_text("utf-8"))
    others = {key: stored[key] for key in stored.keys() - model_entries().keys()}
    claims = {counts.counts_key(claim): claim for claim in list_claims() if not claim.variant}
    for key, expected in others.items():
        assert json.loads(json.dumps(counts.count_claim(claims[key]))) == expected, key


def test_recorded_missing_counts_are_computed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    claim = next(c for c in list_claims("wrn16_4") if c.kind == "counted")
    stored = counts.recorded(claim)
    replace_everywhere(monkeypatch, "zoo.papers.weights.MODELS_DIR", tmp_path)
    assert stored_counts(get_entry("wrn16_4")) == {}
    assert counts.recorded(claim) == stored


def test_write_counts_has_a_line_a_name() -> None:
    lines = (MODELS_DIR / "wrn" / "counts.json").read_text("utf-8").splitlines()
    assert len(json.loads("".join(lines))) == len(lines) - 2
