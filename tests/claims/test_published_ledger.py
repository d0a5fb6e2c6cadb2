"""The ledger that comes with the zoo: whole, and every verdict of ours follows from it."""

import re
from collections.abc import Sequence
from dataclasses import replace
from statistics import mean

import pytest

from tests.conftest import ROOT
from zoo.claims import check, judge, matching
from zoo.claims.plan import look_up
from zoo.claims.verdict import Kind, Status, Verdict
from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation import ledger
from zoo.evaluation.ledger import Record
from zoo.models._registry import list_weights, parse_name


@pytest.fixture(scope="module")
def records() -> Sequence[Record]:
    return ledger.published().records()


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Verdict]:
    """What the published ledger alone says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_LEDGER", str(tmp_path_factory.mktemp("own") / "ledger"))
        return check.verdicts_from_records()


def test_published_ledger_verifies_every_record(records: Sequence[Record]) -> None:
    assert ledger.published().verify() == len(records) > 80
    assert {record["kind"] for record in records} == {"evaluation", "training", "speed"}


def test_measured_verdict_without_its_record_is_not_run(
    records: Sequence[Record], rows: list[Verdict]
) -> None:
    by_id = {record["id"]: record for record in records}
    judged = [row for row in rows if row.kind == "measured" and row.measured]
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
            assert judge.measured(row.claim, look_up(specs, [worse])).status != "kept"


def test_comparative_verdict_without_its_runs_is_not_run(
    records: Sequence[Record], rows: list[Verdict]
) -> None:
    judged = [r for r in rows if r.kind == "relative" and r.claim and not r.claim.formula]
    tried = [row for row in judged if row.measured]
    assert len(tried) > 9
    for row in tried:
        assert row.claim
        others = [r for r in records if r.get("model") != row.claim.model]
        assert judge.relative(row.claim, others).status == "not run"
        turned = replace(row.claim, relation="<" if row.claim.relation == ">" else ">")
        expected = {"kept": "missed", "missed": "kept"}.get(row.status, row.status)
        assert judge.relative(turned, records).status == expected


def test_evaluation_records_use_pinned_weights_and_all_samples(
    records: Sequence[Record],
) -> None:
    """Of this version of the benchmark, by a commit of the library as it stood."""
    for record in (r for r in records if r["kind"] == "evaluation"):
        benchmark = BENCHMARKS[record["benchmark"]]
        assert record["benchmark_version"] == benchmark.version
        if benchmark.task != "language-modeling":
            assert record["samples"] == benchmark.size
        if record["weights"]:
            _, weights = parse_name(record["weights"])
            assert weights
            assert record["sha256"] == weights.sha256
        assert re.fullmatch("[0-9a-f]{40}", record["commit"]), record["weights"]
        assert record["broken"] == []


def test_verdicts_from_records_cover_bundled_and_published(rows: list[Verdict]) -> None:
    """The bundled weights on all that they are for; four published ResNets; CARN-M; bicubic rows
    and RCAN's images."""
    own = [row for row in rows if row.kind == Kind.BUNDLED]
    assert {row.status for row in own} == {"kept"}
    others = {row.model for row in rows if row.status == Status.MEASURED}
    assert others >= {f"resnet{depth}.akamaster_cifar10" for depth in (20, 32, 44, 56)}
    kept = {row.claim.model for row in rows if row.claim and row.kind == "measured" and row.record}
    assert kept >= {"carn_m", "bicubic_x2", "bicubic_x3", "bicubic_x4", "rcan_x2", "rcan_x4"}


def test_evaluation_records_are_unique_per_spec(records: Sequence[Record]) -> None:
    """Each evaluation has one record; repetitions with other libraries differ in their date."""
    keys = [
        (r["weights"], r["model"], r["benchmark"], repr(r["protocol"]), r["precision"], r["device"])
        for r in records
        if r["kind"] == "evaluation"
    ]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("depths", "protocol", "side"),
    [
        ((20, 32, 44, 56, 110), "zoo_digits", "digits/train"),
        ((20, 32, 44, 56), "zoo_jpeg16_float32", "cifar10_jpeg/train"),
    ],
)
def test_readme_degradation_numbers_match_training_records(
    records: Sequence[Record], depths: Sequence[int], protocol: str, side: str
) -> None:
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    for kind, sentence in (
        ("plain", "end at {} and {} %"),
        ("resnet", "residual ones at {} and {} %"),
    ):
        means = []
        for depth in depths:
            recipe = f"{kind}{depth}.{protocol}"
            runs = [r["benchmarks"][side] for r in records if r.get("recipe") == recipe]
            assert 3 <= len(runs) <= 5
            means.append(f"{mean(run['scores']['error']['value'] for run in runs):.1f}")
        assert sentence.format(", ".join(means[:-1]), means[-1]) in readme
