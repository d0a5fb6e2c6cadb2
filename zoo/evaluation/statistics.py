"""Confidence intervals and exact tests. scipy.stats takes a second to import: only when used."""

from collections.abc import Sequence
from statistics import mean, stdev


def wilson_interval(errors: int, total: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of an error rate, in percent."""
    from scipy.stats import binomtest

    low, high = binomtest(int(errors), total).proportion_ci(method="wilson")
    return 100 * float(low), 100 * float(high)


def student_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return Student's 95 % interval of the mean of at least two values."""
    from scipy.stats import t

    spread = stdev(values) / len(values) ** 0.5
    if not spread:  # scipy has no distribution without one
        return mean(values), mean(values)
    low, high = t.interval(0.95, len(values) - 1, loc=mean(values), scale=spread)
    return float(low), float(high)


def sign_test(differences: Sequence[float]) -> float:
    """Return the two-sided p of a mean difference of zero, over all assignments of signs."""
    from scipy.stats import permutation_test

    result = permutation_test(
        (list(differences),),
        lambda x: mean(map(float, x)),
        permutation_type="samples",
        n_resamples=2 ** len(differences),
    )
    return float(result.pvalue)
