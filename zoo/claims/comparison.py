"""Counts and scores against printed values. Pure arithmetic: numbers in, verdicts out.

A count holds if it becomes the printed value by rounding or by cutting off, a score by rounding. No
claim has a tolerance of its own.
"""

import math
from collections.abc import Mapping, Sequence
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from zoo.claims.verdict import UNITS, Status, Verdict, make_verdict, unit
from zoo.evaluation.statistics import wilson_interval
from zoo.papers.records import LOWER_IS_BETTER, Claim

# Share of images that another machine may sort the other way. float32 is exact to 1e-6 to 1e-5 of
# the logits' range; of 10,000 images of CIFAR-10, ResNet-20 has one whose two largest logits are
# within 1e-4 of it, and none within 1e-5.
FLIPPED = 1e-4
# Outputs are 8-bit images: at an error of 1e-6 of the range less than one pixel in 2,000 is rounded
# the other way, which changes 40 dB, a mean squared error of 6.5, by less than 1e-3.
ARITHMETIC = {"psnr": 1e-3, "ssim": 1e-5}
RELATIVE_ARITHMETIC = 1e-5  # of losses and other means over a data set


def _decimals(claim: Claim) -> int:
    """Return the number of decimals of the printed value."""
    assert claim.value is not None
    return -int(claim.value.as_tuple().exponent)


def _reproduced(condition: bool) -> Status:
    return Status.REPRODUCED if condition else Status.NOT_REPRODUCED


def printed_by(exact: Decimal, printed: Decimal) -> str:
    """Return how a number becomes the printed one: "rounded", "cut off", or "" if by neither.

    Example:
        >>> exact = Decimal("3.858")
        >>> printed_by(exact, Decimal("3.9")), printed_by(exact, Decimal("3.8"))
        ('rounded', 'cut off')
    """
    step = Decimal(1).scaleb(int(printed.as_tuple().exponent))
    rules = {"rounded": ROUND_HALF_UP, "cut off": ROUND_DOWN}
    ways = (way for way, rule in rules.items() if exact.quantize(step, rule) == printed)
    return next(ways, "")


def rounds_to(value: float, printed: Decimal) -> bool:
    """True if a number rounds to the printed digits; half a digit may go either way.

    Example:
        >>> rounds_to(97.36, Decimal("97.4")), rounds_to(97.34, Decimal("97.4"))
        (True, False)
    """
    half_digit = Decimal("0.5").scaleb(int(printed.as_tuple().exponent))
    return abs(Decimal(value) - printed) <= half_digit + Decimal("1e-9")


def judge_count(claim: Claim, count: float, by_formula: float | None = None) -> Verdict:
    """Judge a count of what is built; the paper's formula is shown beside it."""
    beside = "" if by_formula is None else f" ({by_formula:,} by the formula)"
    exact = Decimal(count) / UNITS[claim.unit]
    return _judge_printed(claim, exact, f"{count:,}{beside}")


def judge_formula(claim: Claim, built: float, by_formula: float | None) -> Verdict:
    """Judge a difference in percent as built; the paper's formula is shown beside it.

    Without a printed value, the difference must have the claimed sign.
    """
    digits = 2 if claim.value is None else _decimals(claim) + 1
    beside = "" if by_formula is None else f" ({by_formula:.{digits}f} % by the formula)"
    measured = f"{built:.{digits}f} %{beside}"
    if claim.value is None:
        return make_verdict(claim, _reproduced(built > 0), measured=measured)
    return _judge_printed(claim, Decimal(built), measured)


def _judge_printed(claim: Claim, exact: Decimal, measured: str) -> Verdict:
    assert claim.value is not None
    way = printed_by(exact, claim.value)
    why = "printed cut off, not rounded" if way == "cut off" else ""
    return make_verdict(claim, _reproduced(bool(way)), measured=measured, why=why)


def judge_error(claim: Claim, wrong: int, total: int, *, same_weights: bool) -> Verdict:
    """Judge an error rate, or an accuracy, measured on `total` samples.

    The authors' weights must give the printed digits, but for predictions that float32 does not
    decide (FLIPPED); retrained weights, digits within the binomial interval of the measurement,
    widened by the printed spread over seeds.
    """
    assert claim.value is not None
    is_error = claim.metric.endswith("error")
    printed = float(claim.value) if is_error else 100 - float(claim.value)
    measured = 100 * wrong / total
    half_digit = 0.5 * 10.0 ** -_decimals(claim)
    if same_weights:
        slack = 100 * FLIPPED + half_digit
        low, high = measured - slack, measured + slack
    else:
        spread = 1.96 * float(claim.std or 0) + half_digit
        low, high = wilson_interval(wrong, total)
        low, high = low - spread, high + spread
    status = _reproduced(low <= printed <= high)
    if status == Status.NOT_REPRODUCED and measured < printed and not same_weights:
        status = Status.EXCEEDS_REPORTED
    count, kind = (wrong, "wrong") if is_error else (total - wrong, "right")
    return make_verdict(
        claim,
        status,
        measured=f"{100 * count / total:.2f} % ({count:,} of {total:,} {kind})",
        interval=(low, high) if is_error else (100 - high, 100 - low),
    )


def judge_mean_error(
    claim: Claim, scores: Sequence[Mapping[str, float]], *, same_weights: bool
) -> Verdict:
    """Judge a mean of error rates, or of accuracies, over benchmarks.

    The authors' weights must give the printed digits, as in `judge_error`; others, digits within
    the standard error of a mean of independent shares.
    """
    assert claim.value is not None
    parts = len(scores)
    measured = sum(score["value"] for score in scores) / parts
    half_digit = 0.5 * 10.0 ** -_decimals(claim)
    slack = 100 * FLIPPED
    if not same_weights:
        variances = [s["value"] * (100 - s["value"]) / s["total"] for s in scores]
        slack = 1.96 * math.sqrt(sum(variances)) / parts
    is_error = claim.metric.endswith("error")
    printed = float(claim.value) if is_error else 100 - float(claim.value)
    status = _reproduced(abs(measured - printed) <= slack + half_digit)
    if status == Status.NOT_REPRODUCED and measured < printed and not same_weights:
        status = Status.EXCEEDS_REPORTED
    value = measured if is_error else 100 - measured
    return make_verdict(claim, status, measured=f"{value:.2f} % (mean of {parts} benchmarks)")


def judge_score(claim: Claim, value: float, *, same_weights: bool) -> Verdict:
    """Judge a PSNR (dB) or SSIM, the mean over a benchmark's images, or a loss.

    The authors' weights must give the printed digits, but for the arithmetic of another machine
    (ARITHMETIC). Retrained weights need not; the verdict says how far off they are.
    """
    assert claim.value is not None
    digits = _decimals(claim)
    slack = 0.5 * 10.0**-digits
    if same_weights:
        slack += ARITHMETIC.get(claim.metric, RELATIVE_ARITHMETIC * abs(value))
    difference = value - float(claim.value)
    worse = difference > 0 if claim.metric in LOWER_IS_BETTER else difference < 0
    status = _reproduced(abs(difference) <= slack)
    if status == Status.NOT_REPRODUCED and not worse and not same_weights:
        status = Status.EXCEEDS_REPORTED
    return make_verdict(claim, status, measured=f"{value:.{digits}f}{unit(claim)}")
