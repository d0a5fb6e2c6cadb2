"""Verdicts: what is claimed, what came out, how the two compare, and why something was not run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from zoo.papers.records import UNITLESS, Claim

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}
PRINTED_IN = {"psnr": " dB", "latency": " ms", "bleu": ""}  # others with a unit are in percent
RATIOS = ("tokens/s",)  # relative claims on these print a ratio, in percent


class Kind(StrEnum):
    """Kind of a verdict: that of its claim, or of a score of weights that has no claim."""

    COUNTED = "counted"
    MEASURED = "measured"
    RELATIVE = "relative"
    TRIAL = "trial"
    BUNDLED = "bundled weights"  # against the record of their training
    WEIGHTS = "weights"  # scores that no claim is about
    RECORDED = "recorded"  # scores on a model card


class Status(StrEnum):
    """Outcome of a comparison. The values are printed and exported."""

    REPRODUCED = "reproduced"
    NOT_REPRODUCED = "not reproduced"
    EXCEEDS_REPORTED = "exceeds reported"  # only by weights that are not the authors'
    SUPPORTS = "supports"  # of a small-scale trial
    CONTRADICTS = "contradicts"  # of a small-scale trial
    INCONCLUSIVE = "inconclusive"
    NOT_RUN = "not run"
    MEASURED = "measured"  # compared with nothing
    RECORDED = "recorded"  # compared with nothing, on a model card


class Tally(StrEnum):
    """Sum that a verdict is counted in. The sums are never added up."""

    ARCHITECTURE = "architecture"  # counts of the network as built
    REPRODUCTION = "reproductions"  # the paper's own benchmark, metric and protocol
    TRIAL = "small-scale trials"  # runs of ours, on other data or at another size
    WEIGHTS = "weights"  # scores that no claim is about


class Evidence(StrEnum):
    """Kind of weights that decided a reproduction."""

    AUTHORS = "authors' weights"  # or their images, or a network without parameters
    SAME_RECIPE = "retrained by its recipe"
    OTHER_RECIPE = "by another recipe"
    TRAINED_HERE = "trained here"


class Reason(StrEnum):
    """Reason for not running a claim. The values are the labels in sums."""

    NOT_PUBLIC = "variation not public"
    ANOTHER_SYSTEM = "needs another system"
    NOT_BUILT = "variation not built yet"
    NO_BENCHMARK = "no such benchmark yet"
    NO_METRIC = "no such metric yet"
    NO_WEIGHTS = "no weights"
    WEIGHTS_NOT_HERE = "weights not here"
    NO_RUNS = "no runs recorded"
    NO_PROTOCOL = "protocol not written down"
    NO_DATA = "no data"
    NO_LIBRARY = "library not installed"
    NOT_MEASURED = "not measured yet"
    SMOKE_RUN = "smoke run"


SENTENCES: Mapping[Reason, str] = {  # with the subject of a NotRun
    Reason.NOT_PUBLIC: "too little of this variation is published to build it",
    Reason.ANOTHER_SYSTEM: "the network is a part of a system that the zoo does not have",
    Reason.NOT_BUILT: "the zoo does not build this variation of the network yet",
    Reason.NO_BENCHMARK: "the zoo has no benchmark {} yet",
    Reason.NO_METRIC: "the zoo does not measure {} yet",
    Reason.NO_WEIGHTS: "no weights for {}",
    Reason.WEIGHTS_NOT_HERE: "{} is not on this machine",
    Reason.NO_RUNS: "no training runs of both networks on {} are recorded here",
    Reason.NO_PROTOCOL: "the protocol {} is not written down",
    Reason.NO_DATA: "{}",
    Reason.NO_LIBRARY: "{}",
    Reason.NOT_MEASURED: "no record of {} is in a ledger",
    Reason.SMOKE_RUN: "smoke run on the first samples: no measurement, and in no ledger",
}


VARIANT_REASONS = {  # by Claim.variant_kind
    "not public": Reason.NOT_PUBLIC,
    "another system": Reason.ANOTHER_SYSTEM,
    "not built yet": Reason.NOT_BUILT,
}


@dataclass(frozen=True)
class NotRun:
    """Why something was not run. As a string, a sentence."""

    reason: Reason
    subject: str = ""  # what is missing
    hint: str = ""  # what there is instead, or what to do

    def __str__(self) -> str:
        sentence = SENTENCES[self.reason].format(self.subject)
        return f"{sentence}; {self.hint}" if self.hint else sentence


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One row of a report: what is claimed, what came out, and how the two compare."""

    paper: str  # id of the paper
    kind: Kind
    model: str  # model with its arguments, or name of the weights
    metric: str  # with its benchmark
    where: str  # table or section of the paper
    claimed: str  # as printed
    status: Status
    provider: str = ""  # reported by the weights' provider: neither the paper's number nor ours
    measured: str = ""  # as printed
    interval: tuple[float, float] | None = None  # 95 %, in the metric's unit
    reason: Reason | None = None  # why it was not run
    why: str = ""  # that reason in full, notes on the measurement, or what explains a miss
    explained_by: str = ""  # id of the deviation or contradiction that explains a miss
    tally: Tally = Tally.WEIGHTS
    evidence: Evidence | None = None  # of a reproduction that was run
    record: str = ""  # id of the ledger record that it follows from
    records: tuple[str, ...] = ()  # ids of the training records that it follows from
    date: str = ""  # date of that record
    claim: Claim | None = field(default=None, repr=False)

    @property
    def fails(self) -> bool:
        """True for a number that should have come out and did not, for no recorded reason.

        Weights of another recipe that score worse than the paper's refute nothing.
        """
        missed = self.status == Status.NOT_REPRODUCED and self.evidence != Evidence.OTHER_RECIPE
        return missed and not self.explained_by


def tally_of(claim: Claim) -> Tally:
    """Return the sum that a claim's verdict is counted in."""
    if claim.kind == "trial":
        return Tally.TRIAL
    if claim.kind == "counted" or claim.formula:
        return Tally.ARCHITECTURE
    return Tally.REPRODUCTION


def make_verdict(claim: Claim, status: Status, **values: Any) -> Verdict:
    """Return a verdict on a claim, described as it is printed."""
    model, metric, claimed = describe_claim(claim)
    return Verdict(
        paper=claim.paper,
        kind=Kind(claim.kind),
        tally=tally_of(claim),
        model=model,
        metric=metric,
        where=claim.place,
        claimed=claimed,
        status=status,
        claim=claim,
        **values,
    )


def not_run(claim: Claim, cause: NotRun) -> Verdict:
    """Return the verdict on a claim that was not run."""
    return make_verdict(claim, Status.NOT_RUN, reason=cause.reason, why=str(cause))


def why_not_built(claim: Claim) -> NotRun:
    """Return why a claim with a `variant` is not run."""
    return NotRun(VARIANT_REASONS[claim.variant_kind or "not built yet"])


def describe_claim(claim: Claim) -> tuple[str, str, str]:
    """Return (model with its arguments, metric, value) of a claim, as shown in a table."""
    model = format_call(claim.model, claim.args) + (f" [{claim.variant}]" if claim.variant else "")
    metric = f"{claim.metric} on {claim.benchmark}" if claim.benchmark else claim.metric
    if claim.compares:
        return model, metric, _comparison(claim)
    if claim.input_size:
        metric += f" at {claim.input_size}x{claim.input_size}"
    mean = f"{claim.mean} " if claim.mean is not None else ""
    spread = f" ({mean}± {claim.std})" if claim.std is not None else ""
    return model, metric, f"{claim.value}{claim.unit}{unit(claim)}{spread}"


def _comparison(claim: Claim) -> str:
    than = format_call(claim.than, claim.than_args)
    if claim.metric in RATIOS and claim.value is not None:
        return f"{claim.value} % of {than}"
    percent = " %" if claim.formula else ""
    by = f" by {claim.value}{percent}" if claim.value is not None else ""
    return f"{claim.relation} {than}{by}"


def unit(claim: Claim) -> str:
    """Return the unit of a measured claim's value, with a space before it."""
    return unit_of(claim.metric) if claim.kind == "measured" else ""


def unit_of(metric: str) -> str:
    """Return the unit that a measured metric is printed in, with a space before it."""
    return "" if metric in UNITLESS else PRINTED_IN.get(metric, " %")


def format_call(model: str, args: Mapping[str, Any]) -> str:
    """Return a model with its arguments, such as wrn28_10(drop_rate=0.3)."""
    text = ", ".join(f"{k}={list(v) if isinstance(v, tuple) else v}" for k, v in args.items())
    return f"{model}({text})" if text else model
