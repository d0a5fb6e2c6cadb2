"""Counts and scores against printed values. Pure arithmetic: numbers in, verdicts out."""

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from statistics import mean
from typing import Any

from zoo.claims.verdict import (
    PRINTED_IN,
    UNITS,
    NotRun,
    Reason,
    Status,
    Verdict,
    make_verdict,
    not_run,
    unit,
)
from zoo.evaluation.statistics import sign_test, student_interval, wilson_interval
from zoo.papers.records import LOWER_IS_BETTER, UNITLESS, Claim

FEW_IMAGES = 5  # the same weights on another machine may differ by this many
RECORDED = {"accuracy": "error", "training_error": "error"}  # metric of a claim: of a training run


def _decimals(claim: Claim) -> int:
    """Return the number of decimals of the printed value."""
    assert claim.value is not None
    return -int(claim.value.as_tuple().exponent)


def _reproduced(condition: bool) -> Status:
    return Status.REPRODUCED if condition else Status.NOT_REPRODUCED


def matches_printed(count: int, claim: Claim) -> bool:
    """True if a count, rounded to the printed decimals, is the printed value, or within the
    claim's tolerance (in its unit)."""
    assert claim.value is not None
    exact = Decimal(count) / UNITS[claim.unit]
    if claim.tolerance is not None:
        return abs(exact - claim.value) <= claim.tolerance
    step = Decimal(1).scaleb(-_decimals(claim))
    return exact.quantize(step, ROUND_HALF_UP) == claim.value


def judge_count(claim: Claim, count: int, total: int | None = None) -> Verdict:
    """Judge a count; of a paper's own count of a part, `total` is the whole."""
    measured = f"{count:,}" + (f" of {total:,}" if total is not None else "")
    return make_verdict(claim, _reproduced(matches_printed(count, claim)), measured=measured)


def judge_error(claim: Claim, wrong: int, total: int, *, same_weights: bool) -> Verdict:
    """Judge an error rate, or an accuracy, measured on `total` samples.

    The authors' weights must agree within a few images; retrained weights, within the binomial
    interval of the measurement, widened by the printed spread over seeds.
    """
    assert claim.value is not None
    is_error = claim.metric.endswith("error")
    printed = float(claim.value) if is_error else 100 - float(claim.value)
    measured = 100 * wrong / total
    half_digit = 0.5 * 10.0 ** -_decimals(claim)
    if same_weights:
        slack = 100 * FEW_IMAGES / total + half_digit
        low, high = measured - slack, measured + slack
    else:
        spread = 1.96 * float(claim.std or 0) + half_digit
        low, high = wilson_interval(wrong, total)
        low, high = low - spread, high + spread
    status = _reproduced(low <= printed <= high)
    if status == Status.NOT_REPRODUCED and measured < printed:
        status = Status.EXCEEDS_REPORTED
    count, kind = (wrong, "wrong") if is_error else (total - wrong, "right")
    return make_verdict(
        claim,
        status,
        measured=f"{100 * count / total:.2f} % ({count:,} of {total:,} {kind})",
        interval=(low, high) if is_error else (100 - high, 100 - low),
    )


def judge_score(claim: Claim, value: float, *, same_weights: bool) -> Verdict:
    """Judge a PSNR (dB) or SSIM, the mean over a benchmark's images, or a loss.

    The authors' weights must give the printed digits, within a tenth of the last one for another
    machine's arithmetic, or within the claim's tolerance. Retrained weights need not; the verdict
    says how far off they are.
    """
    assert claim.value is not None
    digits = _decimals(claim)
    slack = max((0.6 if same_weights else 0.5) * 10.0**-digits, float(claim.tolerance or 0))
    difference = value - float(claim.value)
    worse = difference > 0 if claim.metric in LOWER_IS_BETTER else difference < 0
    status = _reproduced(abs(difference) <= slack)
    if status == Status.NOT_REPRODUCED and not worse:
        status = Status.EXCEEDS_REPORTED
    return make_verdict(claim, status, measured=f"{value:.{digits}f}{unit(claim)}")


def judge_formula(claim: Claim, estimate: float, built: float) -> Verdict:
    """Judge an estimate in percent: `estimate` by the paper's formula, `built` of the network.

    The estimate must have the printed digits, or be within the claim's tolerance.
    """
    assert claim.value is not None
    digits = _decimals(claim)
    near = abs(estimate - float(claim.value)) <= float(claim.tolerance or 0)
    status = _reproduced(near or f"{estimate:.{digits}f}" == str(claim.value))
    measured = f"{estimate:.{digits + 1}f} % by the formula, {built:.3f} % as built"
    return make_verdict(claim, status, measured=measured)


def judge_relative(claim: Claim, runs: Iterable[Mapping[str, Any]]) -> Verdict:
    """Judge "A is better than B" by training records, paired by seed.

    Student's interval of the difference decides: its 95 % hold for two pairs too, where a
    bootstrap has less (tests/claims/test_verdict_comparative.py). The exact sign test, which
    assumes no distribution, is printed beside it.
    """
    if claim.variant:
        return not_run(claim, NotRun(Reason.NOT_BUILT))
    pairs = pair_runs(claim, runs)[1]
    if len(pairs) < 2:
        return not_run(claim, NotRun(Reason.NO_RUNS, claim.benchmark))
    differences = [left - right for left, right in pairs]
    low, high = student_interval(differences)
    status = Status.INCONCLUSIVE
    if low > 0 or high < 0:
        status = _reproduced((low > 0) == (claim.relation == ">"))
    unitless = claim.metric in UNITLESS
    digits, suffix = (4, "") if unitless else (2, PRINTED_IN.get(claim.metric, " %"))
    means = (f"{mean(side):.{digits}f}" for side in zip(*pairs, strict=True))
    measured = (
        f"{' against '.join(means)}{suffix}, difference {mean(differences):+.{digits}f} "
        f"[{low:+.{digits}f}, {high:+.{digits}f}], {len(pairs)} seeds, "
        f"p = {sign_test(differences):.2g} by all signs"
    )
    return make_verdict(claim, status, measured=measured, interval=(low, high))


def pair_runs(
    claim: Claim, runs: Iterable[Mapping[str, Any]]
) -> tuple[str, list[tuple[float, float]]]:
    """Return a recipe and its runs' (metric of the model, metric of the other model) by seed.

    The recipe is that of the claim's protocol if it was run (its runs are called
    MODEL.zoo_PROTOCOL), else the one with the most pairs.
    """
    scores: dict[str, dict[str, dict[int, float]]] = {}  # by recipe, model and seed
    metric = RECORDED.get(claim.metric, claim.metric)
    for run in runs if not (claim.args or claim.than_args) else ():
        run_scores = run["benchmarks"].get(claim.benchmark, {}).get("scores", {})
        if metric in run_scores:
            value = run_scores[metric]["value"]
            models = scores.setdefault(run["recipe"].partition(".")[2], {})
            seeds = models.setdefault(run["model"], {})
            seeds[run["seed"]] = 100 - value if claim.metric == "accuracy" else value
    own = f"zoo_{claim.protocol.replace('-', '_')}"
    pairs = [
        (recipe, [(left[seed], right[seed]) for seed in sorted(left.keys() & right.keys())])
        for recipe, models in scores.items()
        for left, right in [(models.get(claim.model, {}), models.get(claim.than, {}))]
        if recipe == own or own not in scores
    ]
    return max(pairs, key=lambda item: len(item[1]), default=("", []))
