"""eval/flow_estimators.py: the table of the documentation is recounted from the ledger."""

from pathlib import Path

from eval import flow_estimators
from zoo.evaluation import ledger

PROOF = Path(__file__).parents[2] / "docs/proof.md"


def test_table_of_documentation_is_that_of_published_ledger() -> None:
    assert flow_estimators.table(ledger.published().records()) in PROOF.read_text("utf-8")
