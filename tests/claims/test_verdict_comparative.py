"""Comparisons: A is better than B, by runs of several seeds."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from scipy.stats import bootstrap

from zoo.claims.comparison import judge_relative, pair_runs
from zoo.claims.verdict import describe_claim
from zoo.evaluation.statistics import sign_test, student_interval
from zoo.papers.records import Claim

RELATIVE = Claim(
    kind="relative",
    model="plain56",
    than="plain20",
    metric="training_error",
    relation=">",
    benchmark="digits/train",
    where="Fig. 6",
)


def run(model: str, seed: int, benchmark: str, scores: dict[str, Any]) -> dict[str, Any]:
    return {
        "recipe": f"{model}.try",
        "model": model,
        "seed": seed,
        "benchmarks": {benchmark: {"version": 1, "scores": scores}},
    }


def runs(left: list[int], right: list[int]) -> list[dict[str, Any]]:
    """Recorded runs with so many wrong of 100, seed by seed."""
    return [
        run(model, seed, "digits/train", {"error": {"value": wrong, "count": wrong, "total": 100}})
        for model, values in (("plain56", left), ("plain20", right))
        for seed, wrong in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("left", "right", "relation", "status"),
    [
        ([30, 28, 31], [1, 0, 2], ">", "kept"),
        ([30, 28, 31], [1, 0, 2], "<", "missed"),
        ([1, 0, 2], [30, 28, 31], ">", "missed"),
        ([3, 0, 2], [1, 2, 1], ">", "undecided"),
        ([3], [1], ">", "not run"),
        ([], [], ">", "not run"),
    ],
)
def test_judge_relative_interval_around_zero_is_inconclusive(
    left: list[int], right: list[int], relation: str, status: str
) -> None:
    claim = replace(RELATIVE, relation=relation)
    assert judge_relative(claim, runs(left, right)).status == status


def test_judge_relative_unpaired_seeds_is_not_run() -> None:
    unpaired = [*runs([9, 9], []), *[{**r, "seed": r["seed"] + 5} for r in runs([], [1, 1])]]
    assert judge_relative(RELATIVE, unpaired).status == "not run"


def test_judge_relative_losses_compares_paired_seeds() -> None:
    claim = Claim(
        where="Table 1",
        kind="relative",
        metric="loss",
        model="a",
        than="b",
        relation="<",
        benchmark="texts",
    )
    training_runs = [
        run(model, seed, "texts", {"loss": {"value": 1.5 + (model == "b") + 0.01 * seed}})
        for model in "ab"
        for seed in range(3)
    ]
    verdict = judge_relative(claim, training_runs)
    assert verdict.status == "kept"
    assert verdict.measured.startswith("1.5100 against 2.5100, difference -1.0000 [-1.0000")
    assert judge_relative(replace(claim, relation=">"), training_runs).status == "missed"
    assert (
        judge_relative(claim, training_runs[:4]).why == "no runs of both on texts are recorded here"
    )


def test_describe_claim_ratio_and_difference_read_as_printed() -> None:
    speed = replace(RELATIVE, metric="tokens/s", value=Decimal("89.8"), relation="<")
    assert describe_claim(speed)[2] == "89.8 % of plain20"
    accuracy = replace(RELATIVE, metric="accuracy", value=Decimal("0.9"))
    assert describe_claim(accuracy)[2] == "> plain20 by 0.9"


def test_sign_test_small_samples_matches_enumeration() -> None:
    """By hand: of the eight of (1, 2, 4), one is as far up as all positive, one as far down."""
    assert sign_test([1.0, 2.0, 4.0]) == pytest.approx(2 / 8)
    assert sign_test([1.0, -2.0, 4.0]) == pytest.approx(6 / 8)  # |3| or more
    assert sign_test([1.0] * 5) == pytest.approx(2 / 32)


@pytest.mark.parametrize("pairs", [3, 5])
def test_student_interval_few_pairs_covers_95_percent(pairs: int) -> None:
    """Of 1,000 draws from a normal distribution: 95 % against less than 90 %."""
    draws = np.random.default_rng(0).normal(1.0, 1.0, (1000, pairs))
    students = [student_interval(list(map(float, row))) for row in draws]
    assert 0.93 < np.mean([low < 1 < high for low, high in students]) < 0.97
    interval = bootstrap(
        (draws.T,), np.mean, axis=0, n_resamples=999, method="percentile", rng=1
    ).confidence_interval
    assert np.mean((interval.low < 1) & (interval.high > 1)) < 0.9


def test_judge_relative_several_recipes_uses_most_seeds() -> None:
    few = [{**r, "recipe": f"{r['model']}.short"} for r in runs([90, 91], [0, 0])]
    verdict = judge_relative(RELATIVE, [*few, *runs([3, 0, 2], [1, 2, 1])])
    assert (verdict.status, verdict.measured.endswith("by all signs")) == ("undecided", True)
    assert ", 3 seeds, p = " in verdict.measured


def test_paired_claim_with_protocol_prefers_its_runs() -> None:
    """However few they are, and whatever others say."""
    own = [{**r, "recipe": f"{r['model']}.zoo_at_home"} for r in runs([90, 91], [10, 12])]
    claim = replace(RELATIVE, protocol="at-home")
    assert pair_runs(claim, [*runs([3, 0, 2], [1, 2, 1]), *own]) == (
        "zoo_at_home",
        [(90, 10), (91, 12)],
    )
    assert judge_relative(claim, [*runs([3, 0, 2], [1, 2, 1]), *own[:2]]).status == "not run"
    assert len(pair_runs(RELATIVE, [*runs([3, 0, 2], [1, 2, 1]), *own])[1]) == 3


def test_judge_relative_psnr_shows_unit() -> None:
    scores = [run(m, s, "set5/bi_x2", {"psnr": {"value": v}}) for m, s, v in SHARPER]
    claim = replace(RELATIVE, metric="psnr", benchmark="set5/bi_x2")
    assert "36.50 against 35.00 dB" in judge_relative(claim, scores).measured


SHARPER = [("plain56", 0, 36.0), ("plain56", 1, 37.0), ("plain20", 0, 35.0), ("plain20", 1, 35.0)]
