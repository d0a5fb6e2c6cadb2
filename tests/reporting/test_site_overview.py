"""The report's front page and leaderboards: sums, heads of ledgers, order."""

import json
import re
from decimal import Decimal

import pytest

from tests.support.ledgers import content
from zoo.claims.verdict import Status, Verdict, make_verdict
from zoo.models._catalog import list_papers
from zoo.papers.records import Claim
from zoo.reporting.site import charts
from zoo.reporting.site.deviations import deviation_sizes
from zoo.reporting.site.measurements import Evaluation, rank
from zoo.reporting.site.overview import PaperSummary, chain_heads, search_script
from zoo.reporting.site.rows import VerdictRow, best_first


def counted(value: str, measured: str, status: Status = Status.REPRODUCED) -> VerdictRow:
    claim = Claim(
        kind="counted", model="resnet20", metric="params", where="Table 6", paper="resnet",
        value=Decimal(value), unit="M",
    )  # fmt: skip
    return VerdictRow(make_verdict(claim, status, measured=measured))


def scored(metric: str, value: str) -> Verdict:
    claim = Claim(
        kind="measured", model="resnet20", metric=metric, where="Table 6", paper="resnet",
        value=Decimal(value), benchmark="cifar10/test", aggregation="single run",
    )  # fmt: skip
    return make_verdict(claim, Status.NOT_RUN)


def test_summary_of_paper_keeps_its_three_sums_apart() -> None:
    paper = next(paper for paper in list_papers() if paper.id == "resnet")
    lines = [counted("0.27", "269,722"), counted("0.3", "269,722", Status.NOT_REPRODUCED)]
    summary = PaperSummary(paper, [*lines, VerdictRow(scored("error", "8.75"))])
    assert summary.sums == [{"reproduced": 1, "not reproduced": 1}, {"not run": 1}, {}]


def test_chain_heads_are_the_last_record_of_each_ledger() -> None:
    records = [
        content(previous="", id="a"), content(previous="a", id="b"), content(previous="", id="c")
    ]  # fmt: skip
    assert chain_heads(records) == ["b", "c"]  # type: ignore[arg-type]


def test_search_script_has_claim_with_its_command() -> None:
    script = search_script([VerdictRow(scored("error", "8.75"))])
    assert script.startswith("zooClaims([")
    (row,) = json.loads(script.removeprefix("zooClaims(").removesuffix(");\n"))
    assert row[1:3] == ["resnet20", "zoo check resnet20 --data DIR --all"]
    assert row[3:] == [
        "resnet", "resnet20", "error on cifar10/test", "8.75 %", "", "", "– not run", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "order"),
    [
        ("error", ["6.4", "8.75"]),
        ("accuracy", ["8.75", "6.4"]),
        ("psnr", ["8.75", "6.4"]),
        ("mse", ["6.4", "8.75"]),
        ("memory_capacity", ["8.75", "6.4"]),
    ],
)
def test_leaderboards_have_the_best_first(metric: str, order: list[str]) -> None:
    lines = best_first(VerdictRow(scored(metric, value)) for value in ("8.75", "6.4"))
    assert [str(line.verdict.claim.value) for line in lines if line.verdict.claim] == order
    scores = [{metric: {"value": float(value)}} for value in ("8.75", "6.4")]
    evaluations = [Evaluation(content(scores=score)) for score in scores]  # type: ignore[arg-type]
    ranked = sorted(evaluations, key=rank)
    assert [e.record["scores"][metric]["value"] for e in ranked] == [float(v) for v in order]


def test_difference_is_in_percent_of_the_printed_number() -> None:
    assert counted("0.27", "269,722").difference == "-0.1 %"
    assert counted("0.27", "270,000").difference == "0"
    assert VerdictRow(scored("error", "8.75")).difference == ""


def test_deviation_sizes_chart_is_no_larger_for_more_numbers() -> None:
    few = [counted("0.27", "269,722"), counted("0.3", "269,722", Status.NOT_REPRODUCED)]
    (small,), (large,) = deviation_sizes(few), deviation_sizes(few * 1000)
    assert "2,000 numbers" in large.caption
    assert len(large.drawing) < 1.2 * len(small.drawing)
    assert deviation_sizes([]) == []


def test_samples_are_panels_of_one_scale_with_far_points_on_the_edge() -> None:
    panels = {"the density": [[-2.0, 0.0], [2.0, 1.0]], "a flow": [[-2.0, 0.0], [90.0, 0.0]]}
    drawn = {"dataset": "toy2d/a", "seed": 3, "made_by": "eval/a.py", "panels": panels}
    figure = charts.samples(drawn)
    assert figure.caption.startswith("A small-scale trial, by eval/a.py with seed 3: 2 points a")
    places = re.findall(r'translate\(([\d.]+),([\d.]+)\)" d="M[^"]*" fill="var', figure.drawing)
    left, right, same, far = ([float(number) for number in place] for place in places)
    assert left == same
    assert (right[0], far[0]) == (198, 220)  # 2 of 2.5, and the edge
    assert figure.drawing.index("the density") < figure.drawing.index("a flow")
