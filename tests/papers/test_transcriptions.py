"""Every claim stands in a second transcription of its paper, or is listed as having none."""

import json
from collections import Counter
from itertools import chain

import pytest

from tests.support import transcriptions
from tests.support.transcriptions import FOLDER, compare, places
from zoo.papers.loading import load_papers
from zoo.papers.records import Paper

MISSING = json.loads((FOLDER / "missing.json").read_text("utf-8"))  # paper -> where -> why
PAPERS = load_papers()


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.id)
def test_claims_equal_second_transcription(paper: Paper) -> None:
    claims = [claim for claim in paper.claims if claim.kind != "trial"]
    assert [f"line {c.line}: {problem}" for c in claims if (problem := compare(c))] == []


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.id)
def test_claims_without_second_transcription_are_listed(paper: Paper) -> None:
    """A claim on a table that does not exist would be one; a new paper may have none at all."""
    if not (FOLDER / f"{paper.id}.json").exists() and paper.id not in MISSING:
        return
    alone = {c.where for c in paper.claims if c.kind != "trial" and compare(c) is None}
    assert alone == set(MISSING.get(paper.id, {}))
    assert all(MISSING.get(paper.id, {}).values()), "say why there is none"


def test_transcriptions_are_of_papers_and_compact() -> None:
    names = {path.stem for path in FOLDER.glob("*.json")} - {"missing"}
    assert names <= {paper.id for paper in PAPERS}
    for name in names:
        assert transcriptions.load(name)["text"], "say what was read"
        for table in chain(*transcriptions.load(name)["tables"].values()):
            columns = len(table["columns"].split(" | "))
            assert {len(row.split()) for row in table["rows"].values()} == {columns}


def test_transcriptions_cover_most_claims() -> None:
    compared = Counter(
        compare(claim) == "" for paper in PAPERS for claim in paper.claims if claim.kind != "trial"
    )
    assert compared[True] > 5 * compared[False]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("Table 3, 0-shot", ["Table 3"]),
        ("Tables 2, 4 and B", ["Table 2", "Table 4", "Table B"]),
        ("Sec. 4, Fig. 4 and 5", ["Sec. 4", "Fig. 4"]),
        ("Tables 7 and 8, Sec. 3", ["Table 7", "Table 8", "Sec. 3"]),
        ("Sec. III-A", ["Sec. III-A"]),
        ("README of the authors' code", ["README of the authors' code"]),
    ],
)
def test_places_of_where_are_named(where: str, expected: list[str]) -> None:
    assert places(where) == expected
