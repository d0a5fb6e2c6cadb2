"""eval/flow_estimators.py: the table of the documentation, and the points that the report draws."""

import json
from pathlib import Path
from typing import Any

from eval import flow_estimators
from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation import ledger

PROOF = Path(__file__).parents[2] / "docs/proof.md"


def test_table_of_documentation_is_that_of_published_ledger() -> None:
    assert flow_estimators.table(ledger.published().records()) in PROOF.read_text("utf-8")


def test_samples_of_report_begin_with_those_of_the_density(tmp_path: Path) -> None:
    facts = json.loads(flow_estimators.SAMPLES.read_text("utf-8"))
    assert list(facts["panels"]) == ["the density", *flow_estimators.TITLES.values()]
    assert {len(points) for points in facts["panels"].values()} == {flow_estimators.PLOTTED}
    test: Any = BENCHMARKS[facts["dataset"]].open()
    _, _, density = facts["dataset"].partition("/")
    written = tmp_path / "samples.json"
    flow_estimators.write_samples({"the density": test.values}, density, facts["seed"], written)
    again = json.loads(written.read_text("utf-8"))
    assert again == {**facts, "panels": {"the density": facts["panels"]["the density"]}}
