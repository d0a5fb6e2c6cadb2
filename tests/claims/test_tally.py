"""Sums of verdicts: three of them, never added up."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from zoo.claims.tally import tally
from zoo.claims.verdict import Evidence, Kind, Reason, Status, Tally, Verdict, make_verdict
from zoo.papers.records import Claim

COUNT = Claim(kind="counted", model="a", metric="params", where="Table 1", value=Decimal(1))
ERROR = replace(COUNT, kind="measured", metric="error", benchmark="digits/test")
TRIAL = replace(ERROR, kind="trial", than="b", relation="<", value=None)


def verdicts() -> list[Verdict]:
    scores = [
        make_verdict(ERROR, status, evidence=evidence)
        for evidence, status in (
            (Evidence.AUTHORS, Status.REPRODUCED),
            (Evidence.AUTHORS, Status.NOT_REPRODUCED),
            (Evidence.OTHER_RECIPE, Status.EXCEEDS_REPORTED),
        )
    ]
    return [
        make_verdict(COUNT, Status.REPRODUCED),
        make_verdict(COUNT, Status.NOT_REPRODUCED, explained_by="why"),
        *scores,
        make_verdict(ERROR, Status.NOT_RUN, reason=Reason.NO_DATA),
        make_verdict(TRIAL, Status.SUPPORTS),
        make_verdict(TRIAL, Status.NOT_RUN, reason=Reason.NO_RUNS),
    ]


def test_lines_keep_the_three_sums_apart() -> None:
    assert list(tally(verdicts()).lines()) == [
        "6 numbers of 1 paper",
        "architecture: 1 of 2 counts reproduced; 1 not reproduced, 1 of them explained",
        "reproductions: 1 of 3 that were run reproduced (authors' weights 1 of 2, retrained by its "
        "recipe 0 of 0, by another recipe 0 of 1, trained here 0 of 0); 1 not reproduced, 0 of "
        "them explained",
        "small-scale trials: 1 supports, 0 contradicts, 0 inconclusive",
        "not run: 2 (1 no data, 1 no runs recorded)",
    ]


def test_trial_that_pleases_is_no_reproduction() -> None:
    sums = tally([make_verdict(TRIAL, Status.SUPPORTS)] * 9)
    assert (sums.run, sums.numbers, sum(sums.architecture.values())) == (0, 0, 0)


def test_every_claim_is_in_one_sum(recorded: Sequence[Verdict]) -> None:
    claims = [row for row in recorded if row.claim]
    sums = tally(recorded)
    assert sums.numbers == sum(row.tally != Tally.TRIAL for row in claims)
    run = sum(sums.architecture.values()) + sums.run + sum(sums.trials.values())
    assert run + sum(sums.not_run.values()) == len(claims)
    assert all(row.tally == Tally.WEIGHTS for row in recorded if not row.claim)


def test_only_retrained_weights_exceed_what_is_reported(recorded: Sequence[Verdict]) -> None:
    for row in recorded:
        if row.tally == Tally.REPRODUCTION and row.status != Status.NOT_RUN:
            assert row.evidence
        if row.status == Status.EXCEEDS_REPORTED:
            assert row.evidence != Evidence.AUTHORS
        if row.status in (Status.SUPPORTS, Status.CONTRADICTS):
            assert row.kind == Kind.TRIAL
            assert len(row.records) >= 10
