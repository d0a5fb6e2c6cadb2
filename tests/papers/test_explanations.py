"""An explanation names the network and the number that it explains."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.papers.test_loading import CLAIM, write_paper
from zoo.papers.explanations import why_unexplained
from zoo.papers.loading import load_paper
from zoo.papers.records import Claim, Contradiction, Deviation
from zoo.papers.toml import PaperError

CAUSE = Contradiction(
    id="cause",
    models=("resnet20", "wrn*"),
    what="Table 6 prints 0.27M; there are 464,154 in 3.125G. With BatchNorm it is 9.5,",
    resolution="As built.",
    values=(Decimal("8.75"),),
)
MISS = Claim(
    kind="counted",
    model="resnet20",
    metric="params",
    where="Table 6",
    value=Decimal("0.27"),
    explained_by="cause",
)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, None),
        ({"model": "wrn28_10"}, None),
        ({"value": Decimal("0.270")}, "explains nothing of 0.270"),
        ({"value": Decimal("8.75")}, None),
        ({"value": Decimal("9.5")}, None),
        ({"value": Decimal("0.2")}, "explains nothing of 0.2:"),
        ({"value": Decimal("7")}, "explains nothing of 7:"),
        ({"value": Decimal("464")}, "explains nothing of 464:"),  # a part of 464,154
        ({"value": Decimal("125")}, "explains nothing of 125:"),
        ({"model": "resnet32"}, "explains nothing of resnet32"),
        ({"value": None, "than": "wrn16_4"}, None),
        ({"value": None, "than": "resnet32"}, "explains nothing of resnet32"),
        ({"variant": "with SE"}, "not built"),
        ({"kind": "trial"}, "a trial"),
        ({"explained_by": "luck"}, "id 'luck'"),
        ({"explained_by": "", "model": "resnet32"}, None),
    ],
)
def test_why_unexplained_names_the_network_or_number_that_is_missing(
    changes: dict[str, str], problem: str | None
) -> None:
    reason = why_unexplained(replace(MISS, **changes), {"cause": CAUSE})
    assert (reason is None) if problem is None else (reason is not None and problem in reason)


def test_why_unexplained_reads_all_texts_of_a_deviation() -> None:
    entry = Deviation(id="cause", models=("resnet20",), what="", paper="", why="Of 0.27.")
    assert why_unexplained(MISS, {"cause": entry}) is None


def test_load_paper_explanation_of_another_number_raises_with_line(tmp_path: Path) -> None:
    entry = """
[[contradictions]]
id = "cause"
models = ["resnet20"]
what = "Table 6 prints 0.46."
resolution = "As built."
"""
    with pytest.raises(PaperError, match=r"paper\.toml:13: 'cause' explains nothing of 0\.270"):
        load_paper(write_paper(tmp_path, CLAIM + 'explained_by = "cause"\n' + entry))
