"""Confidence intervals and exact tests."""

from collections.abc import Sequence
from math import sqrt
from statistics import mean, stdev


def wilson_interval(wrong: int, total: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's 95 % interval of an error rate, in percent: what chance alone would explain."""
    p = wrong / total
    centre = p + z * z / (2 * total)
    spread = z * sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    scale = 100 / (1 + z * z / total)
    return max(0.0, (centre - spread) * scale), min(100.0, (centre + spread) * scale)


def sign_test(differences: Sequence[float]) -> float:
    """The share of all ways to give signs to the differences whose sum is as far from zero."""
    from scipy.stats import permutation_test

    found = permutation_test(
        (list(differences),),
        lambda x: mean(map(float, x)),
        permutation_type="samples",
        n_resamples=2 ** len(differences),
    )
    return float(found.pvalue)


def student_interval(values: list[float]) -> tuple[float, float]:
    """Student's 95 % interval of the mean."""
    from scipy.stats import t

    half = float(t.ppf(0.975, len(values) - 1)) * stdev(values) / len(values) ** 0.5
    return mean(values) - half, mean(values) + half
