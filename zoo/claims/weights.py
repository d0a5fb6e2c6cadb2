"""Weights rather than claims: whether those that come with the zoo do what they did, and what
others' score that no claim is about.

weights -> works -> records -> rows beside the claims
"""

from collections.abc import Iterator, Mapping
from typing import Any

from zoo.claims.counts import precision_note
from zoo.claims.judge import RecordIndex, reported
from zoo.claims.matching import training_record
from zoo.claims.plan import specs_of_weights
from zoo.claims.verdict import BUNDLED, Verdict
from zoo.evaluation import tasks
from zoo.evaluation.ledger import Record
from zoo.evaluation.spec import EvalSpec
from zoo.papers.weights import Weights

OTHERS, MEASURED = "weights", "measured"
# How a recorded score is shown, and by less than what it may differ.
FORMATS = {
    "psnr": ("{:.2f} dB", 0.005),
    "ssim": ("{:.4f}", 0.00005),
    "loss": ("{:.4f} nats a token", 0.00005),
    "bits_per_byte": ("{:.4f}", 0.00005),
}


def check_bundled(weights: Weights, findings: RecordIndex) -> Iterator[Verdict]:
    """Whether weights that come with the zoo still do what was recorded of them, to the last image
    or the last digit that is shown: see SHOWN."""
    recorded = training_record(weights)["benchmarks"]
    compare = _answers if tasks.task_of(weights.model).answers else _scores
    for tried in specs_of_weights(weights):
        record = findings.of(tried)
        why = "" if record else findings.why_not(tried)
        for values in compare(recorded[tried.benchmark], record):
            notes = [why or values.get("why", ""), precision_note(record)]
            yield _row(weights, tried, record, {**values, "why": "; ".join(filter(None, notes))})


def _row(
    weights: Weights, tried: EvalSpec, record: Record | None, values: Mapping[str, Any]
) -> Verdict:
    return Verdict(
        paper=weights.paper,
        kind=BUNDLED,
        model=weights.name,
        where=f"{tried.benchmark}, recorded by the zoo",
        record=record["id"] if record else "",
        date=record["date"] if record else "",
        **values,
    )


def _answers(then: Mapping[str, Any], record: Record | None) -> Iterator[dict[str, Any]]:
    row = {"metric": "right answers", "claimed": f"{then['right']} of {then['total']}"}
    if not record:
        yield row | {"status": "not run"}
        return
    score, now = record["scores"]["error"], record["parts"].get("wrong", {})
    differing = sorted(
        (i for i in then["wrong"].keys() | now.keys() if then["wrong"].get(i) != now.get(i)),
        key=int,
    )
    right = score["total"] - score["count"]
    same = not differing and (right, score["total"]) == (then["right"], then["total"])
    yield row | {
        "status": "kept" if same else "missed",
        "measured": f"{right} of {score['total']}",
        "why": f"images {', '.join(differing[:20])} differ" if differing else "",
    }


def _scores(then: Mapping[str, Any], record: Record | None) -> Iterator[dict[str, Any]]:
    for metric, (form, half_digit) in FORMATS.items():
        if metric not in then:
            continue
        row = {"metric": metric, "claimed": form.format(then[metric]), "status": "not run"}
        if record:
            now = record["scores"][metric]["value"]
            row["status"] = "kept" if abs(now - then[metric]) < half_digit else "missed"
            row["measured"] = form.format(now)
        yield row


def list_scores(weights: Weights, findings: RecordIndex) -> Iterator[Verdict]:
    """What weights that do not come with the zoo score, as recorded, beside what is reported by who
    provides them; nothing of what was not measured."""
    for tried in specs_of_weights(weights):
        if record := findings.of(tried):
            for metric, measured, limits in format_scores(record):
                yield Verdict(
                    paper=weights.paper,
                    kind=OTHERS,
                    model=weights.name,
                    metric=metric,
                    where=tried.benchmark,
                    claimed="",
                    provider=reported(metric, [weights]) if weights.reported else "",
                    status=MEASURED,
                    measured=measured,
                    interval=limits,
                    record=record["id"],
                    date=record["date"],
                )


def format_scores(record: Record) -> Iterator[tuple[str, str, tuple[float, float] | None]]:
    """(metric, score as it is shown, its interval) of a record of an evaluation."""
    for metric, score in record["scores"].items():
        limits = (score["interval"][0], score["interval"][1]) if "interval" in score else None
        if "error" in metric:
            told = f"{score['value']:.2f} % ({score['count']:,} of {score['total']:,} wrong)"
        else:
            told = FORMATS.get(metric, ("{:.4f}", 0))[0].format(score["value"])
        yield metric, told, limits
