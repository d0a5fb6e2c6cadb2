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


def test_bits_per_dimension_in_the_docs_are_the_records() -> None:
    records = ledger.published().records()
    (run,) = [r for r in records if r.get("recipe") == "residual_flow_mnist.zoo_mnist2"]
    bits = run["benchmarks"]["mnist/test_dequantized"]["scores"]["bits_per_dim"]
    low, high = bits["interval"]
    text = " ".join(PROOF.read_text("utf-8").split())
    assert f"has {bits['value']:.3f} bits per dimension on MNIST's" in text
    assert f"images: {low:.3f} to {high:.3f};" in text
