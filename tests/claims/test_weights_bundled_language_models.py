"""The language models that come with the zoo: what they score, and how they were compared."""

import json
from typing import Any

import pytest

import zoo
from configs import language as recipes
from tests.conftest import bundled
from tests.support.patching import replace_everywhere
from zoo.checkpoints.writing import file_sha256
from zoo.evaluation import ledger
from zoo.models._factory import create
from zoo.models._registry import default_weights, get_entry
from zoo.papers.loading import load_papers
from zoo.papers.weights import Weights

PINNED = [
    w
    for paper in load_papers()
    for w in paper.weights
    if w.bundled and get_entry(w.model).is_language_model
]
pinned_weights = pytest.mark.parametrize("pinned", PINNED, ids=lambda w: w.name)
HELD_BACK = "peps_mini/validation"


def test_language_recipes_each_have_bundled_weights() -> None:
    assert {w.model for w in PINNED} == set(recipes.MODELS)
    assert sum(w.path.stat().st_size for w in PINNED) < 6_000_000


@pytest.mark.parametrize(
    "pinned",
    [
        pytest.param(
            w,
            marks=() if w.model == "muddformer_nano" else pytest.mark.slow,
        )
        for w in PINNED
    ],
    ids=lambda w: w.name,
)
@pytest.mark.usefixtures("nothing_published")
def test_check_bundled_weights_reproduces_recorded_loss(pinned: Weights) -> None:
    record = json.loads(pinned.record.read_text())
    assert record["sha256"] == pinned.sha256 == file_sha256(pinned.path)
    assert record["recipe"] == pinned.recipe == f"configs/language.py:{pinned.model}"
    assert set(record["benchmarks"]) == set(pinned.benchmarks)
    rows = bundled(pinned.name)
    assert [row.status for row in rows] == ["reproduced", "reproduced", "not run", "not run"], rows
    assert all("--data DIR" in row.why for row in rows[2:])


@pytest.mark.data
@pytest.mark.usefixtures("nothing_published")
def test_check_bundled_weights_reproduces_wikitext_loss(zoo_data: Any) -> None:
    rows = bundled(default_weights("loop_gpt2_nano").name, zoo_data)
    assert [row.status for row in rows] == ["reproduced"] * 4, rows


@pytest.mark.slow
def test_check_changed_weights_is_not_reproduced(monkeypatch: pytest.MonkeyPatch) -> None:
    real = create

    def wrong(name: str, pretrained: bool = False, **overrides: object) -> object:
        model = real(name, pretrained, **overrides)
        model.norm.weight.data *= 1.01
        return model

    replace_everywhere(monkeypatch, "zoo.models._factory.create", wrong)
    rows = bundled(PINNED[0].name)
    assert [row.status for row in rows[:2]] == ["not reproduced", "not reproduced"]
    assert rows[0].fails


def runs() -> list[ledger.Record]:
    records = ledger.published().records()
    return [r for r in records if r["kind"] == "training" and r["model"] in recipes.MODELS]


def held_back(run: ledger.Record) -> dict[str, float]:
    loss: dict[str, float] = run["benchmarks"][HELD_BACK]["scores"]["loss"]
    return loss


def test_training_runs_have_one_recipe_and_five_seeds() -> None:
    by_seed = {(run["model"], run["seed"]): run for run in runs() if run["commit"]}
    assert set(by_seed) == {(model, seed) for model in recipes.MODELS for seed in range(5)}
    assert len({held_back(run)["total"] for run in by_seed.values()}) == 1
    for (model, _), run in by_seed.items():
        recipe = recipes.nano(model)
        assert [row["epoch"] for row in run["history"]] == list(range(15))
        made_by = {key: run[key] for key in ("recipe", "epochs", "batch_size")}
        assert made_by == {"recipe": recipe.name, "epochs": 15, "batch_size": 16}


@pinned_weights
def test_bundled_weights_match_loss_of_first_seed(pinned: Weights) -> None:
    """But for the rounding to bf16. They are of the first runs, whose records name no commit."""
    of_seed = [run for run in runs() if (run["model"], run["seed"]) == (pinned.model, 0)]
    (run,) = [run for run in of_seed if not run["commit"]]
    record = json.loads(pinned.record.read_text())
    loss = held_back(run)["value"]
    assert record["benchmarks"][HELD_BACK]["loss"] == pytest.approx(loss, abs=1e-3)


def test_generate_bundled_model_continues_pep_text() -> None:
    """The README's example, and a text that only a trained network would go on with."""
    model = zoo.create("muddformer_nano", pretrained=True)
    (row,) = zoo.generate(model, [list(b"This PEP ")], max_new_tokens=40)
    assert bytes(row[:9]) == b"This PEP "
    begun = b"This document has been placed in the public "
    (row,) = zoo.generate(model, [list(begun)], max_new_tokens=6)
    assert bytes(row) == begun + b"domain"
