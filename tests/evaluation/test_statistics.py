"""Confidence intervals against their formulas."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap

from zoo.evaluation.statistics import (
    holm,
    median_interval,
    paired_t_test,
    sign_test,
    student_interval,
    wilson_interval,
)

Z = 1.959964


@given(st.integers(1, 60_000), st.floats(0, 1))
def test_wilson_interval_matches_formula(total: int, share: float) -> None:
    errors = round(total * share)
    p = errors / total
    center, scale = p + Z * Z / (2 * total), 100 / (1 + Z * Z / total)
    spread = Z * sqrt(p * (1 - p) / total + Z * Z / (4 * total * total))
    expected = max(0.0, (center - spread) * scale), min(100.0, (center + spread) * scale)
    assert wilson_interval(errors, total) == pytest.approx(expected, abs=1e-5)


def test_student_interval_equal_values_is_a_point() -> None:
    assert student_interval([2.5, 2.5, 2.5]) == (2.5, 2.5)


def test_student_interval_two_values_matches_table() -> None:
    low, high = student_interval([1.0, 3.0])
    assert (low, high) == pytest.approx((2 - 12.7062, 2 + 12.7062), abs=1e-4)


@pytest.mark.parametrize("pairs", [3, 5])
def test_student_interval_few_pairs_covers_95_percent(pairs: int) -> None:
    """Of 1,000 draws from a normal distribution: 95 % against a bootstrap's less than 90 %."""
    draws = np.random.default_rng(0).normal(1.0, 1.0, (1000, pairs))
    students = [student_interval(list(map(float, row))) for row in draws]
    assert 0.93 < np.mean([low < 1 < high for low, high in students]) < 0.97
    interval = bootstrap(
        (draws.T,), np.mean, axis=0, n_resamples=999, method="percentile", rng=1
    ).confidence_interval
    assert np.mean((interval.low < 1) & (interval.high > 1)) < 0.9


def test_sign_test_small_samples_matches_enumeration() -> None:
    """By hand: of the eight of (1, 2, 4), one is as far up as all positive, one as far down."""
    assert sign_test([1.0, 2.0, 4.0]) == pytest.approx(2 / 8)
    assert sign_test([1.0, -2.0, 4.0]) == pytest.approx(6 / 8)  # |3| or more
    assert sign_test([1.0] * 5) == pytest.approx(2 / 32)


def test_paired_t_test_matches_table_and_leaves_equal_differences_to_the_signs() -> None:
    """t = 2.7764 has p = 0.05 with four degrees of freedom."""
    values = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    shift = 2.776445 * values.std(ddof=1) / 5**0.5
    assert paired_t_test(list(values + shift)) == pytest.approx(0.05, abs=1e-6)
    assert paired_t_test([1.0] * 5) == pytest.approx(2 / 32)
    assert paired_t_test([0.0] * 5) == 1.0


def test_holm_matches_a_worked_example() -> None:
    """Four p-values: the smallest times 4, the next times 3, ..., never falling, at most 1."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_median_interval_matches_table_of_order_statistics() -> None:
    """Of 20 values the sixth and the fifteenth, of six the extremes; fewer have none."""
    assert median_interval([*range(20, 0, -1)]) == (6, 15)
    assert median_interval([3.0, 1.0, 2.0, 9.0, 5.0, 4.0]) == (1, 9)
    assert median_interval([1.0] * 5) is None
