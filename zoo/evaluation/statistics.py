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


def paired_t_test(differences: Sequence[float]) -> float:
    """Return the two-sided p of a mean difference of zero by Student's test.

    Equal differences leave Student nothing to estimate a spread from: the sign test decides.
    """
    from scipy.stats import ttest_1samp

    if stdev(differences) < 1e-12:
        return sign_test(differences)
    return float(ttest_1samp(list(differences), 0).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for multiple comparisons by Holm's step-down method, in order."""
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted


def median_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Return an exact 95 % interval of the median of at least six values, between two of them.

    It assumes no distribution: a slow round on a busy machine moves it little.

    Returns:
        None for fewer values, whose range holds the median less often.
    """
    if len(values) < 6:
        return None
    from scipy.stats import quantile_test

    low, high = quantile_test(list(values)).confidence_interval()
    return float(low), float(high)
