"""Claims and records in, verdicts out: nothing is measured here. Here facts and code meet.

claim of paper.toml -> weights that it may be judged on -> work -> record of a ledger -> verdict
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from zoo import literature, measuring, registry, tasks
from zoo.benchmarks import BENCHMARKS
from zoo.details import View
from zoo.evaluation.works import Work, measured_before, work
from zoo.ledger import Record
from zoo.literature import Claim, Contradiction, Deviation, Outputs, Paper
from zoo.pretrained import ANOTHER, Weights
from zoo.verdicts import (
    NOT_BUILT,
    Verdict,
    judge_count,
    judge_error,
    judge_formula,
    judge_relative,
    judge_score,
    row,
)

# The score of a record that a claim's metric is judged by, and how.
SCORES = {"error": "error", "accuracy": "error", "top5_error": "top5_error"}
SCORES |= {"top5_accuracy": "top5_error"}
SCORES |= {name: name for name in ("psnr", "ssim", "loss", "perplexity", "bits_per_byte")}
SHARES = ("error", "top5_error")


@dataclass(frozen=True)
class Findings:
    """What is known of works: records, those that count most last, or why there is none."""

    records: Sequence[Record]
    reasons: Mapping[Work, str] = field(default_factory=dict)
    precision: str = "fp32"

    def of(self, work: Work) -> Record | None:
        """The record of a work, if there is one."""
        return measured_before(self.records, work.key(self.precision))

    def why_not(self, work: Work) -> str:
        """Why a work has no record."""
        known = self.reasons.get(work)
        return known or f"no record of {work.name} on {work.benchmark} is in a ledger"


def paper(name: str) -> Paper:
    """The paper of a room."""
    return next(p for p in literature.load_all() if p.id == name)


def explained(verdict: Verdict, claim: Claim) -> Verdict:
    """The verdict on a claim, with the record of its room that explains a miss."""
    if verdict.status != "missed" or not claim.explained_by:
        return verdict
    room = paper(claim.paper)
    records: list[Deviation | Contradiction] = [*room.deviations, *room.contradictions]
    record = next(r for r in records if r.id == claim.explained_by)
    return replace(verdict, why=record.what.strip(), explained_by=record.id)


def counted(claim: Claim, now: bool = True) -> Verdict:
    """The verdict on a counted claim, from the network itself or, if not `now`, by the counts.json
    that eval/counts.py wrote and the tests count again."""
    if claim.variant:
        return row(claim, "not run", why=NOT_BUILT)
    if claim.formula:
        return explained(judge_count(claim, *_by_formula(claim, now)), claim)
    if not now:
        return explained(judge_count(claim, measuring.recorded(claim)[claim.metric]), claim)
    args = json.dumps(dict(claim.args), sort_keys=True)
    found = measuring.counts(claim.model, args, claim.input_size)
    return explained(judge_count(claim, getattr(found, claim.metric)), claim)


def _by_formula(claim: Claim, now: bool) -> tuple[Any, Any]:
    if now:
        return measuring.by_formula(claim)
    known = measuring.recorded(claim)
    return known["given"], known["built"]


def relative(claim: Claim, records: Sequence[Record], now: bool = True) -> Verdict:
    """The verdict on a relative claim: by a formula of the paper's room, or by recorded runs."""
    if claim.formula:
        return explained(judge_formula(claim, *_by_formula(claim, now)), claim)
    return explained(judge_relative(claim, [r for r in records if r["kind"] == "training"]), claim)


def obstacle(claim: Claim) -> str:
    """Why a measured claim cannot be tried at all, whatever weights there are; "" if it can."""
    if claim.variant:
        return NOT_BUILT
    if claim.benchmark not in BENCHMARKS:
        return f"the zoo has no benchmark {claim.benchmark} yet"
    if claim.metric not in SCORES:
        return f"the zoo does not measure {claim.metric} yet"
    return ""


def judged_on(weights: Weights, claim: Claim) -> bool:
    """Whether weights are of the network that a claim is about, trained for its benchmark and, if
    they are on the Hub, for images of the size that its protocol shows."""
    return (
        not claim.variant
        and claim.benchmark in weights.benchmarks
        and dict(weights.args) == dict(claim.args)
        and (not weights.repo or not weights.preprocessing or _of_that_size(weights, claim))
    )


def _view(claim: Claim) -> View | None:
    return paper(claim.paper).views.get(claim.protocol)


def _own_view(weights: Weights) -> tuple[str, int, tuple[int, ...]]:
    """The one center crop that weights see by their preprocessing, as timm resizes."""
    pixels, crop_pct = weights.preprocessing["input_size"][1], weights.preprocessing["crop_pct"]
    return "center", pixels, (int(pixels / crop_pct),)


def _of_that_size(weights: Weights, claim: Claim) -> bool:
    """Whether a claim's protocol is the view of the weights, whatever the interpolation (they keep
    the one that they were trained with), or several crops of the size that they see."""
    view = _view(claim)
    if view is None:
        return False
    if view.crops == "center":
        return (view.crops, view.pixels, view.shorter) == _own_view(weights)
    return view.crops == "ten" and view.pixels == weights.preprocessing["input_size"][1]


def candidates(claim: Claim, among: Iterable[Weights]) -> list[Work]:
    """What a measured claim may be judged by, the first choice first."""
    room, task = paper(claim.paper), tasks.of(claim.model)
    how = task.claimed(room, claim.protocol)
    if how is None and not task.has_default:
        return []
    if measuring.needs_no_weights(claim.model):
        return [Work(model=claim.model, benchmark=claim.benchmark, protocol=how)]
    found = [work(w, claim.benchmark, how) for w in among if judged_on(w, claim)]
    return [*found, *(_published(o, how) for o in room.outputs if _made_as(o, claim))]


def _made_as(outputs: Outputs, claim: Claim) -> bool:
    """Whether published images are what a claim is about."""
    same = ("model", "benchmark", "protocol")
    return not (claim.variant or claim.args) and all(
        getattr(outputs, name) == getattr(claim, name) for name in same
    )


def _published(outputs: Outputs, how: Any) -> Work:
    return Work(
        model=outputs.model,
        sha256=outputs.sha256,
        benchmark=outputs.benchmark,
        protocol=how,
        images=outputs.folder,
    )


def reported(metric: str, among: Iterable[Weights]) -> str:
    """What a provider reports for the first of these weights that it reports anything about."""
    for weights in among:
        if weights.reported:
            value = weights.reported[0].value(metric)
            return f"{value} % ({weights.name})" if value is not None else ""
    return ""


def measured(claim: Claim, findings: Findings, among: Sequence[Weights] | None = None) -> Verdict:
    """The verdict on a measured claim, by the record of the first weights that fit (`among` some,
    if that is asked for)."""
    known = [w for w in registry.weights_of(claim.model) if among is None or w in among]
    fitting = [weights for weights in known if judged_on(weights, claim)]
    verdict = _measured(claim, findings, fitting, known)
    return replace(verdict, provider=reported(claim.metric, fitting))


def _measured(
    claim: Claim, findings: Findings, fitting: Sequence[Weights], known: Sequence[Weights]
) -> Verdict:
    if why := obstacle(claim):
        missing = measuring.missing(fitting[0]) if fitting else ""
        return row(claim, "not run", why=why + (f"; {missing}" if missing else ""))
    if not claim.protocol:
        return row(claim, "protocol unknown")
    works = candidates(claim, fitting)
    by_name = {weights.name: weights for weights in fitting}
    for tried in works:
        if (record := findings.of(tried)) and SCORES[claim.metric] in record["scores"]:
            return by_record(claim, record, by_name.get(tried.weights))
    if not fitting and not measuring.needs_no_weights(claim.model):
        return row(claim, "not run", why=_no_weights(claim, known))
    if not works:
        return row(claim, "not run", why=f"what {claim.protocol} shows is not written down")
    return row(claim, "not run", why=findings.why_not(works[0]))


def by_record(claim: Claim, record: Record, weights: Weights | None) -> Verdict:
    """The verdict on a measured claim that follows from a record. Bicubic interpolation, which has
    no weights, is everybody's; so are published images. The interval of a mean over images, which
    are the claim's own, is in the record alone."""
    same = weights is None or weights.relation in ("official", "port")
    name = SCORES[claim.metric]
    score = record["scores"][name]
    if name in SHARES:
        verdict = judge_error(claim, score["count"], score["total"], same_weights=same)
    else:
        verdict = judge_score(claim, score["value"], same_weights=same)
    if weights and weights.relation == ANOTHER:
        verdict = replace(verdict, why=f"{weights.name}: {ANOTHER}")
    verdict = explained(verdict, claim)
    notes = [verdict.why, measuring.other_precision(record)]
    notes.append(
        "of the images that the authors published" if record["protocol"].get("images") else ""
    )
    notes.append(f"{len(record['broken'])} broken samples left out" if record["broken"] else "")
    why = "; ".join(filter(None, notes))
    return replace(verdict, why=why, record=record["id"], date=record["date"])


def _no_weights(claim: Claim, known: Sequence[Weights]) -> str:
    """Why none of the weights of a model can be held against a claim."""
    if not known and not claim.args:
        return "the zoo knows of no weights of these networks"
    for weights in known:
        if claim.benchmark in weights.benchmarks and dict(weights.args) != dict(claim.args):
            args = ", ".join(f"{key}={value!r}" for key, value in weights.args.items())
            return f"no weights for {claim.benchmark}; {weights.name} are of {claim.model}({args})"
    others = sorted({benchmark for weights in known for benchmark in weights.benchmarks})
    if claim.benchmark in others:
        return f"no weights for {claim.benchmark} by the protocol {claim.protocol}"
    have = f"; those here are for {', '.join(others)}" if others else ""
    return f"no weights for {claim.benchmark}{have}"
