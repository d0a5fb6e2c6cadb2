"""Cards of runs of training: every run, every claim that they decide, nothing else."""

import json
import re
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.reporting.test_cards import FOLDER, tables
from zoo.papers.loading import load_papers
from zoo.reporting import cards
from zoo.reporting.cards.training_runs import format_params, format_scores, kinds

KINDS = {of.name: of for of in kinds()}
TEXTS = {name: cards.card_of_runs(of, "..") for name, of in KINDS.items()}


def rows(name: str, last: str) -> list[list[str]]:
    """Those of the table whose last column has this name."""
    return next((of[2:] for of in tables(TEXTS[name]) if of[0][-1] == last), [])


@pytest.mark.parametrize("name", KINDS)
def test_training_card_committed_file_is_current(name: str) -> None:
    old = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    assert cards.merge(TEXTS[name], old) == old, f"run `zoo card {name}`"


@pytest.mark.parametrize("name", KINDS)
def test_training_card_rows_match_run_records(name: str) -> None:
    found = rows(name, "record")
    assert len(found) == len(KINDS[name].records)
    for model, seed, *scores, loss, seconds, sha256, link in found:
        (path,) = re.findall(r"\]\(\.\./(.*?)\)", link)
        record: Any = json.loads((ROOT / path).read_text(encoding="utf-8"))
        assert (model, seed, seconds) == (
            record["model"],
            str(record["seed"]),
            str(record["seconds"]),
        )
        assert sha256 == record.get("sha256", "not recorded")
        last = record["history"][-1]
        assert loss == (f"{last['loss']:.4f}" if "loss" in last else "none")
        measured = [
            score["value"]
            for of in sorted(record["benchmarks"])
            for _, score in sorted(record["benchmarks"][of]["scores"].items())
        ]
        actual = [float(score.split()[0]) for score in scores if score]
        assert actual == pytest.approx(measured, abs=0.006)


@pytest.mark.parametrize("name", KINDS)
def test_training_card_not_reproduced_claim_is_explained(name: str) -> None:
    for verdict in KINDS[name].verdicts:
        assert not verdict.fails
        assert not verdict.explained_by or f"**{verdict.explained_by}**" in TEXTS[name]
    assert len(rows(name, "verdict")) == len(KINDS[name].verdicts)


def test_training_cards_comparative_claim_is_in_one_card() -> None:
    """Those of our own protocols, whose runs are called by them."""
    decided = [v.claim for of in KINDS.values() for v in of.verdicts]
    assert len(decided) == len({(c.paper, c.line) for c in decided if c})
    for paper in load_papers():
        for claim in paper.claims:
            of = KINDS.get(f"zoo_{claim.protocol.replace('-', '_')}")
            if claim.kind == "relative" and of:
                assert claim in [verdict.claim for verdict in of.verdicts]


def test_format_score_several_seeds_shows_mean_and_std() -> None:
    def run(error: float) -> dict[str, Any]:
        return {"benchmarks": {"digits/test": {"scores": {"error": {"value": error}}}}}

    column = "digits/test", "error"
    assert format_scores([run(1.25)], column) == "1.25 %"
    assert format_scores([run(1.0), run(2.0), run(6.0)], column) == "3.00 % ± 2.65"


def test_format_params_of_the_network_that_was_trained_else_by_default() -> None:
    trained = {"model": "transformer_pp+mudd", "params": 499_984}  # no network of the registry
    assert format_params([trained, trained]) == "499,984"
    assert format_params([{"model": "resnet20"}]) == "269,722 by default"
    assert format_params([{"model": "resnet20", "params": 1_000}]) == "1,000"
