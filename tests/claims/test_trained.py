"""Measured claims judged by training runs: printed digits, seeds, whose runs, and retraining."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from zoo.claims.comparison import rounds_to
from zoo.claims.matching import get_paper
from zoo.claims.retraining import fit_record, retrain
from zoo.claims.trained import judge_trained
from zoo.claims.verdict import Evidence, Reason, Status, Tally, Verdict
from zoo.cli import app
from zoo.evaluation.ledger import records
from zoo.papers.records import Claim, Paper

PAPER = get_paper("rfrboost")
BENCHMARK = "tabular/wdbc"
CLAIM = next(c for c in PAPER.claims if (c.model, c.benchmark) == ("rfnn", BENCHMARK))
RMSE = next(c for c in PAPER.claims if (c.model, c.benchmark) == ("rfnn", "tabular/kin8nm"))


def run(value: float, claim: Claim = CLAIM, **changes: Any) -> dict[str, Any]:
    metric = "rmse" if claim.metric == "rmse" else "error"
    record = {
        "kind": "training",
        "date": "2026-11-29T00:00:00Z",
        "id": "a",
        "model": claim.model,
        "recipe": f"{claim.model}.openml",
        "seed": 42,
        "epochs": 1,
        "batch_size": 569,
        "precision": "fp32",
        "commit": "a" * 40,
        "benchmarks": {claim.benchmark: {"version": 1, "scores": {metric: {"value": value}}}},
    }
    return record | changes


def judge(*published: Any, own: Any = (), claim: Claim = CLAIM, seeds: int = 1) -> Verdict:
    training = tuple(replace(protocol, seeds=seeds) for protocol in PAPER.training)
    paper: Paper = replace(PAPER, claims=(claim,), training=training)
    return judge_trained(paper, published, own)[claim.key]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (2.6347, Status.REPRODUCED),
        (2.55, Status.REPRODUCED),  # 97.45, half a digit
        (2.5499, Status.NOT_REPRODUCED),  # better is another number too
        (2.651, Status.NOT_REPRODUCED),
    ],
)
def test_mean_rounds_to_the_printed_digits_or_is_missed(error: float, status: Status) -> None:
    verdict = judge(run(error))
    assert (verdict.status, verdict.records) == (status, ("a",))
    assert verdict.evidence is Evidence.TRAINED_HERE
    assert verdict.tally is Tally.REPRODUCTION
    assert verdict.measured == f"{100 - error:.2f} %"


def test_rmse_is_judged_as_printed_without_a_unit() -> None:
    assert judge(run(0.43844, RMSE), claim=RMSE).status is Status.REPRODUCED
    missed = judge(run(0.4386, RMSE), claim=RMSE)
    assert (missed.status, missed.measured) == (Status.NOT_REPRODUCED, "0.4386")


@pytest.mark.parametrize(
    "changes",
    [
        {"commit": "a" * 40 + "+changes"},
        {"commit": ""},
        {"recipe": "rfnn.other"},
        {"precision": "bf16"},
        {"kind": "evaluation"},
        {"model": "rfnn_iid"},
        {"benchmarks": {BENCHMARK: {"version": 2, "scores": {"error": {"value": 2.6347}}}}},
    ],
)
def test_run_of_another_kind_does_not_count(changes: dict[str, Any]) -> None:
    verdict = judge(run(2.6347, **changes))
    assert (verdict.status, verdict.reason) == (Status.NOT_RUN, Reason.NOT_MEASURED)
    assert "rfnn.openml on tabular/wdbc" in verdict.why


def test_first_published_run_decides_before_own_ones() -> None:
    assert judge(run(2.6347), run(9, id="b"), own=[run(9, id="c")]).records == ("a",)
    assert judge(own=[run(9, id="c"), run(2.6347)]).records == ("c",)


def test_mean_over_seeds_needs_all_of_them() -> None:
    runs = [run(2.5, id="a", seed=0), run(2.78, id="b", seed=1)]
    verdict = judge(*runs, seeds=2)
    assert (verdict.status, verdict.measured) == (Status.REPRODUCED, "97.36 %, mean of 2 seeds")
    few = judge(*runs, seeds=3)
    assert (few.status, few.why) == (Status.INCONCLUSIVE, "2 of the 3 seeds")
    assert judge(*runs, run(50, id="c", seed=7), seeds=2).records == ("a", "b")


def test_rounding_takes_half_a_digit_either_way() -> None:
    value = 100 - 5.45  # 94.55 is not exact in binary
    assert rounds_to(value, Decimal("94.5"))
    assert rounds_to(value, Decimal("94.6"))
    assert not rounds_to(value, Decimal("94.7"))


def test_fitted_record_is_valid_and_decides() -> None:
    steps: list[str] = []
    record = fit_record("rfnn", BENCHMARK, None, steps.append)
    records.validate(records.new(record, ""))
    assert len(record["history"]) == len(steps) == 5
    assert judge(record | {"id": "a", "commit": "a" * 40}).status is Status.REPRODUCED


def test_retrain_without_data_names_what_works(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="no printed number of resnet20 has a recipe"):
        list(retrain("resnet20"))
    with pytest.raises(LookupError, match=r"rfrboost_dense.*zoo check --retrain rfnn"):
        list(retrain("rfrboost_dense", data=tmp_path))


def test_check_retrain_prints_our_number_beside_the_printed_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ZOO_DATA", raising=False)
    result = CliRunner().invoke(app, ["check", "--retrain", "rfnn", "--json"])
    assert result.exit_code == 0, result.output
    (verdict,) = json.loads(result.stdout)
    assert (verdict["claimed"], verdict["measured"]) == ("97.4 % (± 1.4)", "97.37 %")
    assert verdict["status"] == "reproduced"
