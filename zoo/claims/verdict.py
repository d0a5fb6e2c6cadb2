"""Measurements against claims -> verdicts.

kept | missed | better than reported | undecided | not run (and why) | protocol unknown

Pure arithmetic: what was counted or measured comes in as numbers (see checking.py).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from statistics import mean
from typing import Any

from zoo.evaluation.statistics import sign_test, student_interval, wilson_interval
from zoo.papers.records import LOWER_IS_BETTER, UNITLESS, Claim

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}
BUNDLED = "bundled weights"  # kind of a row about weights that come with the zoo
NOT_BUILT = "the zoo does not build this variation of the network"
FEW_IMAGES = 5  # the same weights on another machine may differ by this many
PRINTED_IN = {"psnr": " dB"}  # others are in percent
RECORDED = {"accuracy": "error", "training_error": "error"}  # in runs of training
RATIOS = ("tokens/s",)  # relative claims on these print a ratio, in percent


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One row of the report: what is claimed, what came out, and how that compares.

    `claimed` and `measured` are as shown; `interval` is of 95 %, in the metric's unit; `why` says
    why a row was not run, which weights of another recipe were measured, or what explains a miss:
    the record `explained_by` of its paper.toml. `provider` is what those report who provide
    weights, by their own measurement: neither the paper's number nor ours. `record` is the id of
    the record of a ledger that it follows from, if it does, and `date` that record's.
    """

    paper: str
    kind: str
    model: str
    metric: str
    where: str
    claimed: str
    status: str
    provider: str = ""
    measured: str = ""
    interval: tuple[float, float] | None = None
    why: str = ""
    explained_by: str = ""
    record: str = ""
    date: str = ""
    claim: Claim | None = field(default=None, repr=False)

    @property
    def fails(self) -> bool:
        """A miss that nothing recorded explains."""
        return self.status == "missed" and not self.explained_by


def matches_printed(measured: int, claim: Claim) -> bool:
    """Whether a count, rounded to the printed decimals, is the printed one (or within the
    claim's stated tolerance, in its unit)."""
    assert claim.value is not None
    exact = Decimal(measured) / UNITS[claim.unit]
    if claim.tolerance is not None:
        return abs(exact - claim.value) <= claim.tolerance
    step = Decimal(1).scaleb(int(claim.value.as_tuple().exponent))
    return exact.quantize(step, ROUND_HALF_UP) == claim.value


def judge_count(claim: Claim, number: int, of: int | None = None) -> Verdict:
    """The verdict on a counted claim; `of` is what there is, if the number is a paper's own count
    of a part of it."""
    status = "kept" if matches_printed(number, claim) else "missed"
    return make_verdict(
        claim, status, measured=f"{number:,}" + (f" of {of:,}" if of is not None else "")
    )


def judge_error(claim: Claim, wrong: int, total: int, *, same_weights: bool) -> Verdict:
    """The verdict on an error rate, or an accuracy, that was measured on `total` samples.

    The authors' weights must agree within a few images; weights that were trained again, within
    the binomial interval of the measurement, widened by the printed spread over seeds.
    """
    assert claim.value is not None
    is_error = claim.metric.endswith("error")
    printed = float(claim.value) if is_error else 100 - float(claim.value)
    measured = 100 * wrong / total
    half_digit = 0.5 * 10.0 ** int(claim.value.as_tuple().exponent)
    if same_weights:
        slack = 100 * FEW_IMAGES / total + half_digit
        low, high = measured - slack, measured + slack
    else:
        spread = 1.96 * float(claim.std or 0) + half_digit
        low, high = wilson_interval(wrong, total)
        low, high = low - spread, high + spread
    status = "kept" if low <= printed <= high else "missed"
    if status == "missed" and measured < printed:
        status = "better than reported"
    number, kind = (wrong, "wrong") if is_error else (total - wrong, "right")
    shown = f"{100 * number / total:.2f} % ({number:,} of {total:,} {kind})"
    limits = (low, high) if is_error else (100 - high, 100 - low)
    return make_verdict(claim, status, measured=shown, interval=limits)


def judge_score(claim: Claim, value: float, *, same_weights: bool) -> Verdict:
    """The verdict on a PSNR (dB) or SSIM, the mean over a benchmark's images, or on a loss.

    The authors' weights must give the printed digits, within a tenth of the last one for another
    machine's arithmetic, or within the claim's stated tolerance. Weights that were trained again
    have no reason to; what they give is said to be missed or better, and how far off is seen.
    """
    assert claim.value is not None
    digits = -int(claim.value.as_tuple().exponent)
    slack = max((0.6 if same_weights else 0.5) * 10.0**-digits, float(claim.tolerance or 0))
    off = value - float(claim.value)
    worse = off > 0 if claim.metric in LOWER_IS_BETTER else off < 0
    status = "kept" if abs(off) <= slack else "missed" if worse else "better than reported"
    return make_verdict(claim, status, measured=f"{value:.{digits}f}{_unit(claim)}")


def _unit(claim: Claim) -> str:
    """The unit of a measured claim's value, with a space before it."""
    if claim.kind != "measured" or claim.metric in UNITLESS:
        return ""
    return PRINTED_IN.get(claim.metric, " %")


def judge_relative(claim: Claim, runs: Iterable[Mapping[str, Any]]) -> Verdict:
    """The verdict on "A is better than B", from records of training, seed by seed: by Student's
    interval of the difference over pairs of runs of one recipe, whose 95 % hold for two pairs too
    (a bootstrap of so few has less: tests/claims/test_verdict.py). The exact test over all signs of
    the differences, which assumes nothing of their distribution, is told beside it."""
    if claim.variant:
        return make_verdict(claim, "not run", why=NOT_BUILT)
    pairs = paired(claim, runs)[1]
    if len(pairs) < 2:
        why = f"no runs of both on {claim.benchmark} are recorded here"
        return make_verdict(claim, "not run", why=why)
    differences = [left - right for left, right in pairs]
    low, high = student_interval(differences)
    status = "undecided"
    if low > 0 or high < 0:
        status = "kept" if (low > 0) == (claim.relation == ">") else "missed"
    digits, unit = (4, "") if claim.metric in UNITLESS else (2, PRINTED_IN.get(claim.metric, " %"))
    means = (f"{mean(side):.{digits}f}" for side in zip(*pairs, strict=True))
    shown = (
        f"{' against '.join(means)}{unit}, difference {mean(differences):+.{digits}f} "
        f"[{low:+.{digits}f}, {high:+.{digits}f}], {len(pairs)} seeds, "
        f"p = {sign_test(differences):.2g} by all signs"
    )
    return make_verdict(claim, status, measured=shown, interval=(low, high))


def paired(
    claim: Claim, runs: Iterable[Mapping[str, Any]]
) -> tuple[str, list[tuple[float, float]]]:
    """A kind of recipes, and (metric of the model, metric of the other) by seed of its runs: the
    claim's protocol if it is a kind of the zoo's that was run (its runs are called
    MODEL.zoo_PROTOCOL), else the kind that has most of both."""
    found: dict[str, dict[str, dict[int, float]]] = {}
    for run in runs:
        scores = run["benchmarks"].get(claim.benchmark, {}).get("scores", {})
        name = RECORDED.get(claim.metric, claim.metric)
        if name in scores and not claim.args and not claim.than_args:
            value = scores[name]["value"]
            models = found.setdefault(run["recipe"].partition(".")[2], {})
            seeds = models.setdefault(run["model"], {})
            seeds[run["seed"]] = 100 - value if claim.metric == "accuracy" else value
    own = f"zoo_{claim.protocol.replace('-', '_')}"
    both = [
        (kind, [(left[seed], right[seed]) for seed in sorted(left.keys() & right.keys())])
        for kind, models in found.items()
        for left, right in [(models.get(claim.model, {}), models.get(claim.than, {}))]
        if kind == own or own not in found
    ]
    return max(both, key=lambda of: len(of[1]), default=("", []))


def judge_formula(claim: Claim, estimate: float, built: float) -> Verdict:
    """The verdict on an estimate in percent: by the paper's formula, with what it is as built. It
    must have the printed digits, or be within the claim's stated tolerance."""
    assert claim.value is not None
    digits = -int(claim.value.as_tuple().exponent)
    near = abs(estimate - float(claim.value)) <= float(claim.tolerance or 0)
    kept = near or f"{estimate:.{digits}f}" == str(claim.value)
    shown = f"{estimate:.{digits + 1}f} % by the formula, {built:.3f} % as built"
    return make_verdict(claim, "kept" if kept else "missed", measured=shown)


def describe_claim(claim: Claim) -> tuple[str, str, str]:
    """(model with its arguments, metric, value) as shown in a table."""
    model = _call(claim.model, claim.args) + (f" [{claim.variant}]" if claim.variant else "")
    metric = f"{claim.metric} on {claim.benchmark}" if claim.benchmark else claim.metric
    if claim.kind == "relative":
        than = _call(claim.than, claim.than_args)
        if claim.metric in RATIOS and claim.value is not None:
            return model, metric, f"{claim.value} % of {than}"
        unit = " %" if claim.formula else ""
        by = f" by {claim.value}{unit}" if claim.value is not None else ""
        return model, metric, f"{claim.relation} {than}{by}"
    if claim.input_size:
        metric += f" at {claim.input_size}x{claim.input_size}"
    value = f"{claim.value}{claim.unit}{_unit(claim)}"
    return (
        model,
        metric,
        value + (f" ({claim.mean} ± {claim.std})" if claim.std is not None else ""),
    )


def _call(model: str, args: Mapping[str, Any]) -> str:
    shown = ", ".join(f"{k}={list(v) if isinstance(v, tuple) else v}" for k, v in args.items())
    return f"{model}({shown})" if shown else model


def make_verdict(claim: Claim, status: str, **values: Any) -> Verdict:
    model, metric, claimed = describe_claim(claim)
    return Verdict(
        paper=claim.paper,
        kind=claim.kind,
        model=model,
        metric=metric,
        where=claim.where,
        claimed=claimed,
        status=status,
        claim=claim,
        **values,
    )
