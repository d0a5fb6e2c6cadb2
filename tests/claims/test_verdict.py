"""Verdicts: what is reproduced, and what is not; nothing is called reproduced by default."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import measured
from tests.support.patching import replace_everywhere
from zoo.claims import judge
from zoo.claims.comparison import (
    judge_count,
    judge_error,
    judge_formula,
    judge_score,
    printed_by,
)
from zoo.claims.verdict import Reason
from zoo.evaluation.statistics import wilson_interval
from zoo.papers.loading import load_papers
from zoo.papers.records import Claim, Contradiction, Paper

COUNT = Claim(kind="counted", model="resnet20", metric="params", where="Table 6", unit="M")
ERROR = Claim(
    paper="resnet",
    kind="measured",
    model="resnet20",
    metric="error",
    value=Decimal("8.75"),
    benchmark="cifar10/test",
    aggregation="single run",
    protocol="cifar",
    where="Table 6",
)


@pytest.mark.parametrize(
    ("printed", "unit", "number", "way"),
    [
        ("0.27", "M", 269_722, "rounded"),
        ("0.46", "M", 464_154, "rounded"),
        ("0.46", "M", 466_906, "cut off"),  # option B instead of A
        ("0.85", "M", 855_770, "cut off"),
        ("3.8", "G", 3_857_973_248, "cut off"),
        ("3.8", "G", 4_089_184_256, ""),  # v1.5
        ("68.2", "M", 68_155_210, "rounded"),
        ("10.2", "M", 10_327_706, ""),
        ("56", "M", 55_841_754, "rounded"),
        ("20", "", 20, "rounded"),
        ("20", "", 21, ""),
        ("25", "", 24.51, "rounded"),
        ("40", "", 40.74, "cut off"),
    ],
)
def test_judge_count_rounds_or_cuts_off_and_says_which(
    printed: str, unit: Any, number: float, way: str
) -> None:
    claim = replace(COUNT, value=Decimal(printed), unit=unit)
    verdict = judge_count(claim, number)
    assert verdict.status == ("reproduced" if way else "not reproduced")
    assert verdict.why == ("printed cut off, not rounded" if way == "cut off" else "")


@given(st.decimals(min_value=1, max_value=999, places=2))
def test_printed_by_count_two_units_off_is_neither_rule(printed: Decimal) -> None:
    printed = printed.quantize(Decimal("0.01"))
    assert printed_by(printed, printed) == "rounded"
    assert printed_by(printed + Decimal("0.0099"), printed) == "cut off"
    assert printed_by(printed + Decimal("0.02"), printed) == ""
    assert printed_by(printed - Decimal("0.0051"), printed) == ""


def paper(*records: Contradiction) -> Paper:
    """A paper with nothing but contradictions."""
    first = load_papers()[0]
    return replace(first, claims=(), deviations=(), contradictions=records)


def test_explained_deviation_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    claim = replace(COUNT, value=Decimal("10.2"), paper="resnet")
    missed = judge_count(claim, 10_327_706)
    assert missed.fails
    assert judge.explain_miss(missed, claim) == missed
    record = Contradiction(id="affine", models=("*",), what="no affine", resolution="")
    source = replace(paper(record), id="resnet")
    replace_everywhere(monkeypatch, "zoo.papers.loading.load_papers", lambda: (source,))
    claim = replace(claim, explained_by="affine")
    row = judge.explain_miss(missed, claim)
    assert (row.status, row.fails, row.explained_by) == ("not reproduced", False, "affine")
    assert "no affine" in row.why
    kept = judge_count(claim, 10_200_000)
    assert judge.explain_miss(kept, claim).explained_by == ""


@pytest.mark.parametrize(
    ("value", "same_weights", "status"),
    [
        (38.27, True, "reproduced"),
        (38.2755, True, "reproduced"),  # a tenth of the last digit for another machine
        (38.2755, False, "exceeds reported"),
        (38.2645, True, "reproduced"),
        (38.26, True, "not reproduced"),
        (38.28, True, "not reproduced"),
        (38.28, False, "exceeds reported"),
    ],
)
def test_judge_score_reproduced_at_printed_digits(
    value: float, same_weights: bool, status: str
) -> None:
    claim = replace(ERROR, metric="psnr", value=Decimal("38.27"))
    row = judge_score(claim, value, same_weights=same_weights)
    assert (row.status, row.claimed) == (status, "38.27 dB")
    assert row.measured == f"{value:.2f} dB"
    ssim = replace(ERROR, metric="ssim", value=Decimal("0.9610"))
    assert judge_score(ssim, 0.96104, same_weights=True).measured == "0.9610"


@pytest.mark.parametrize(
    ("wrong", "same_weights", "status"),
    [
        (875, True, "reproduced"),
        (876, True, "reproduced"),
        (882, True, "not reproduced"),
        (868, True, "not reproduced"),
        (930, False, "reproduced"),  # inside the binomial interval of 10,000 images
        (960, False, "not reproduced"),
        (780, False, "exceeds reported"),
    ],
)
def test_judge_error_gives_status_by_interval(wrong: int, same_weights: bool, status: str) -> None:
    row = judge_error(ERROR, wrong, 10_000, same_weights=same_weights)
    assert row.status == status
    assert row.interval is not None


@pytest.mark.parametrize(
    ("wrong", "status"), [(875, "reproduced"), (960, "not reproduced"), (780, "exceeds reported")]
)
def test_judge_error_accuracy_mirrors_error(wrong: int, status: str) -> None:
    assert ERROR.value is not None
    accuracy = replace(ERROR, metric="accuracy", value=100 - ERROR.value)
    verdict = judge_error(accuracy, wrong, 10_000, same_weights=False)
    same = judge_error(ERROR, wrong, 10_000, same_weights=False)
    assert (verdict.status, same.status) == (status, status)
    assert (
        f"{(10_000 - wrong) / 100:.2f} % ({10_000 - wrong:,} of 10,000 right)" == verdict.measured
    )
    assert verdict.interval is not None
    assert same.interval is not None
    assert verdict.interval == pytest.approx([100 - limit for limit in reversed(same.interval)])


def test_judge_error_reported_std_widens_interval() -> None:
    narrow = judge_error(ERROR, 960, 10_000, same_weights=False)
    wide = judge_error(replace(ERROR, std=Decimal("0.30")), 960, 10_000, same_weights=False)
    assert (narrow.status, wide.status) == ("not reproduced", "reproduced")


@given(st.integers(0, 500), st.integers(500, 5000))
def test_wilson_interval_contains_rate(wrong: int, total: int) -> None:
    low, high = wilson_interval(wrong, total)
    assert 0 <= low <= 100 * wrong / total + 1e-9
    assert 100 * wrong / total - 1e-9 <= high <= 100


def test_wilson_interval_10_of_100_matches_table() -> None:
    """10 of 100: 5.52 to 17.44 % (Wilson 1927, as any table of it prints)."""
    assert wilson_interval(10, 100) == pytest.approx((5.523, 17.437), abs=1e-3)


def test_judge_weights_of_other_dataset_are_skipped() -> None:
    row = measured(ERROR)
    assert row.status == "not run"
    assert "resnet20.akamaster_cifar10 (" in row.why
    row = measured(replace(ERROR, model="wrn16_1"))
    assert "no weights for cifar10/test; those here are for digits/test" in row.why


def test_judge_not_runnable_claim_gives_reason() -> None:
    def why(**changes: Any) -> str:
        return measured(replace(ERROR, **changes)).why

    assert "variation" in why(variant="no shortcut")
    assert "no benchmark moon/test" in why(benchmark="moon/test")
    assert "training_error" in why(metric="training_error")
    row = measured(replace(ERROR, protocol=""))
    assert (row.status, row.reason) == ("not run", Reason.NO_PROTOCOL)


def test_judge_score_lower_loss_exceeds_reported() -> None:
    claim = Claim(where="Table 1", kind="measured", model="a", metric="loss", value=Decimal("3.12"))
    verdicts = [judge_score(claim, value, same_weights=False) for value in (3.118, 3.0, 3.2)]
    assert [v.status for v in verdicts] == ["reproduced", "exceeds reported", "not reproduced"]
    assert verdicts[0].measured == "3.12"


def test_judge_formula_as_built_decides() -> None:
    claim = Claim(
        where="Table 1",
        kind="relative",
        model="a",
        metric="params",
        relation=">",
        than="b",
        value=Decimal("0.23"),
        formula="f",
    )
    verdict = judge_formula(claim, 0.349, 0.2279)
    assert (verdict.status, verdict.measured) == (
        "not reproduced",
        "0.349 % (0.228 % by the formula)",
    )
    verdict = judge_formula(claim, 0.2279, 0.349)
    assert (verdict.status, verdict.measured) == ("reproduced", "0.228 % (0.349 % by the formula)")
    assert judge_formula(claim, 0.2279, None).measured == "0.228 %"
    signs = [judge_formula(replace(claim, value=None), sign, None).status for sign in (2.0, -2.0)]
    assert signs == ["reproduced", "not reproduced"]


def test_judge_score_loss_of_same_weights_must_round_to_it() -> None:
    loss = replace(ERROR, metric="loss", value=Decimal("3.12"))
    statuses = [judge_score(loss, v, same_weights=True).status for v in (3.12502, 3.1252, 3.09)]
    assert statuses == ["reproduced", "not reproduced", "not reproduced"]


def test_judge_formula_counts_of_pythia_and_muddformer() -> None:
    """Pythia's own count is of a part of what is built; MUDD's formulas are shown beside it."""
    pythia = next(p.claims for p in load_papers() if p.id == "pythia")
    (small,) = [c for c in pythia if c.formula and c.model == "pythia_70m"]
    row = judge.counted(small)
    assert (row.status, row.measured) == ("reproduced", "18,915,328")
    mudd = next(p.claims for p in load_papers() if p.id == "muddformer")
    (share,) = [c for c in mudd if c.formula == "extra_params" and c.model == "muddpythia_2_8b"]
    row = judge.relative(share, {})
    assert (row.claimed, row.status) == ("> pythia_2_8b by 0.23 %", "not reproduced")
    assert row.measured == "0.349 % (0.228 % by the formula)"
    assert row.explained_by == "shares-by-formula"
