"""Verdicts on weights rather than claims.

Bundled weights must score what their training record says; scores of other weights are listed.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from zoo.claims.judge import Evaluations, precision_note, reported, why_no_record
from zoo.claims.matching import specs_of_weights, training_record
from zoo.claims.verdict import Kind, Status, Verdict
from zoo.evaluation import tasks
from zoo.evaluation.ledger import Record
from zoo.papers.weights import Weights

# Format of a recorded score, and the difference below which two scores are equal.
FORMATS = {
    "psnr": ("{:.2f} dB", 0.005),
    "ssim": ("{:.4f}", 0.00005),
    "loss": ("{:.4f} nats a token", 0.00005),
    "bits_per_byte": ("{:.4f}", 0.00005),
    "mse": ("{:.5f}", 0.000005),
    "mae": ("{:.5f}", 0.000005),
}


def check_bundled(weights: Weights, evaluations: Evaluations) -> Iterator[Verdict]:
    """Check bundled weights against their recorded scores: identical predictions, or equal
    printed digits."""
    recorded = training_record(weights)["benchmarks"]
    predictions = tasks.task_of(weights.model).keeps_predictions
    compare = _compare_predictions if predictions else _compare_scores
    for spec in specs_of_weights(weights):
        evaluation = evaluations.get(spec)
        record = evaluation.record if evaluation else None
        missing = None if record else why_no_record(evaluations, spec)
        for values in compare(recorded[spec.benchmark], record):
            note = precision_note(record) if record else str(missing)
            if record and note and values["status"] == Status.NOT_REPRODUCED:
                values["status"] = Status.INCONCLUSIVE  # what is recorded was measured in fp32
            why = "; ".join(filter(None, (values.get("why", ""), note)))
            yield Verdict(
                paper=weights.paper,
                kind=Kind.BUNDLED,
                model=weights.name,
                where=f"{spec.benchmark}, recorded by the zoo",
                reason=missing.reason if missing else None,
                record=record["id"] if record else "",
                date=record["date"] if record else "",
                **{**values, "why": why},
            )


def _compare_predictions(
    recorded: Mapping[str, Any], record: Record | None
) -> Iterator[dict[str, Any]]:
    claimed = f"{recorded['right']} of {recorded['total']}"
    row = {"metric": "right answers", "claimed": claimed, "status": Status.NOT_RUN}
    if record:
        score, before = record["scores"]["error"], recorded["wrong"]
        now = record["parts"].get("wrong", {})
        changed = [i for i in before.keys() | now.keys() if before.get(i) != now.get(i)]
        right, total = score["total"] - score["count"], score["total"]
        same = not changed and (right, total) == (recorded["right"], recorded["total"])
        row["status"] = Status.REPRODUCED if same else Status.NOT_REPRODUCED
        row["measured"] = f"{right} of {total}"
        named = ", ".join(sorted(changed, key=int)[:20])
        row["why"] = f"images {named} differ" if changed else ""
    yield row


def _compare_scores(recorded: Mapping[str, Any], record: Record | None) -> Iterator[dict[str, Any]]:
    for metric, (form, half_digit) in FORMATS.items():
        if metric not in recorded:
            continue
        row = {"metric": metric, "claimed": form.format(recorded[metric])}
        row["status"] = Status.NOT_RUN
        if record:
            value = record["scores"][metric]["value"]
            same = abs(value - recorded[metric]) < half_digit
            row["status"] = Status.REPRODUCED if same else Status.NOT_REPRODUCED
            row["measured"] = form.format(value)
        yield row


def list_scores(weights: Weights, evaluations: Evaluations) -> Iterator[Verdict]:
    """List the measured scores of other weights beside what their provider reports."""
    for spec in specs_of_weights(weights):
        evaluation = evaluations.get(spec)
        if evaluation and (record := evaluation.record):
            for metric, measured, interval in format_scores(record):
                yield Verdict(
                    paper=weights.paper,
                    kind=Kind.WEIGHTS,
                    model=weights.name,
                    metric=metric,
                    where=spec.benchmark,
                    claimed="",
                    provider=reported(spec.benchmark, metric, [weights]),
                    status=Status.MEASURED,
                    measured=measured,
                    interval=interval,
                    record=record["id"],
                    date=record["date"],
                )


def format_scores(record: Record) -> Iterator[tuple[str, str, tuple[float, float] | None]]:
    """Yield (metric, score as printed, interval) of an evaluation's record."""
    for metric, score in record["scores"].items():
        interval = (score["interval"][0], score["interval"][1]) if "interval" in score else None
        if "error" in metric:
            text = f"{score['value']:.2f} % ({score['count']:,} of {score['total']:,} wrong)"
        else:
            text = FORMATS.get(metric, ("{:.4f}", 0))[0].format(score["value"])
        yield metric, text, interval
