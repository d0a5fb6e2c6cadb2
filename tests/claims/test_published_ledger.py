"""The ledger that comes with the zoo: whole, and every verdict of ours follows from it."""

import re
from collections.abc import Sequence

import pytest

from zoo.claims import judge, matching
from zoo.claims.plan import look_up
from zoo.claims.runs import judge_comparisons
from zoo.claims.trained import judge_trained
from zoo.claims.verdict import Kind, Status, Verdict
from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation import ledger
from zoo.evaluation.ledger import Record
from zoo.models._registry import list_weights, parse_name
from zoo.papers.loading import load_papers


@pytest.fixture(scope="module")
def records() -> Sequence[Record]:
    return ledger.published().records()


def test_published_ledger_verifies_every_record(records: Sequence[Record]) -> None:
    assert ledger.published().verify() == len(records) > 80
    assert {record["kind"] for record in records} == {"evaluation", "training", "speed"}


def test_measured_verdict_without_its_record_is_not_run(
    records: Sequence[Record], recorded: list[Verdict]
) -> None:
    by_id = {record["id"]: record for record in records}
    judged = [row for row in recorded if row.kind == "measured" and row.record]
    assert len(judged) > 25
    for row in judged:
        assert row.claim
        record = by_id[row.record]
        assert (record["benchmark"], record["model"]) == (row.claim.benchmark, row.claim.model)
        others = [r for r in records if r["id"] != row.record]
        specs = matching.specs_for(row.claim, list_weights(row.claim.model))
        without = judge.measured(row.claim, look_up(specs, others))
        assert (without.status, without.measured) == ("not run", "")
        name = matching.SCORES[row.claim.metric]
        score = record["scores"][name]
        worse = {**record, "scores": {**record["scores"], name: {**score, "value": 1.0}}}
        if name not in matching.SHARES:
            assert judge.measured(row.claim, look_up(specs, [worse])).status != "reproduced"


def test_trained_verdict_without_its_runs_is_not_run(
    records: Sequence[Record], recorded: list[Verdict]
) -> None:
    trained = [row for row in recorded if row.kind == "measured" and row.records]
    assert len(trained) > 100
    by_id = {record["id"]: record for record in records}
    evaluations = [record for record in records if record["kind"] != "training"]
    papers = {paper.id: paper for paper in load_papers()}
    without = {
        name: judge_trained(papers[name], evaluations) for name in {r.paper for r in trained}
    }
    for row in trained:
        assert row.claim
        verdict = without[row.paper].get(row.claim.key)  # none: weights may judge it
        assert verdict is None or verdict.status == "not run"
        assert {by_id[id]["commit"][40:] for id in row.records} == {""}


def test_comparative_verdict_without_its_runs_is_not_run(
    records: Sequence[Record], recorded: list[Verdict]
) -> None:
    tried = [row for row in recorded if row.records and row.kind != "measured"]
    assert len(tried) > 9
    papers = {paper.id: paper for paper in load_papers()}
    without: dict[str, dict[object, Verdict]] = {}
    for row in tried:
        assert row.claim
        if row.paper not in without:
            evaluations = [r for r in records if r["kind"] != "training"]
            without[row.paper] = judge_comparisons(papers[row.paper], evaluations)
        assert without[row.paper][row.claim.key].status == "not run"
        by_id = {record["id"]: record for record in records}
        assert {by_id[id]["commit"][40:] for id in row.records} == {""}


def spec_of(record: Record) -> tuple[str, ...]:
    """What was evaluated, on what and how."""
    fields = ("weights", "model", "benchmark", "protocol", "precision", "device")
    return tuple(str(record[field]) for field in fields)


def test_evaluation_records_use_pinned_weights_and_all_samples(
    records: Sequence[Record],
) -> None:
    """Of this version of the benchmark, by a commit of the library as it stood. A record of a file
    that was replaced stays in the ledger, before one of the file that is pinned now."""
    evaluations = [r for r in records if r["kind"] == "evaluation"]
    last = {spec_of(record): record for record in evaluations}
    for record in evaluations:
        benchmark = BENCHMARKS[record["benchmark"]]
        assert record["benchmark_version"] == benchmark.version
        if benchmark.task != "language-modeling":
            assert record["samples"] == benchmark.size
        if record["weights"]:
            _, weights = parse_name(record["weights"])
            assert weights
            assert last[spec_of(record)]["sha256"] == weights.sha256
        assert re.fullmatch("[0-9a-f]{40}", record["commit"]), record["weights"]
        assert record["broken"] == []


def test_verdicts_from_records_cover_bundled_and_published(recorded: list[Verdict]) -> None:
    """The bundled weights on all that they are for; four published ResNets; CARN-M; bicubic rows
    and RCAN's images."""
    own = [row for row in recorded if row.kind == Kind.BUNDLED]
    assert {row.status for row in own} == {"reproduced"}
    others = {row.model for row in recorded if row.status == Status.MEASURED}
    assert others >= {f"resnet{depth}.akamaster_cifar10" for depth in (20, 32, 44, 56)}
    kept = {
        row.claim.model for row in recorded if row.claim and row.kind == "measured" and row.record
    }
    assert kept >= {"carn_m", "bicubic_x2", "bicubic_x3", "bicubic_x4", "rcan_x2", "rcan_x4"}


def test_evaluation_records_are_unique_per_spec(records: Sequence[Record]) -> None:
    """Each evaluation of a file has one record; repetitions with other libraries differ in date."""
    keys = [(*spec_of(r), r.get("sha256")) for r in records if r["kind"] == "evaluation"]
    assert len(set(keys)) == len(keys)
