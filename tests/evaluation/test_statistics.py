"""Confidence intervals against their formulas."""

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.evaluation.statistics import student_interval, wilson_interval

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
