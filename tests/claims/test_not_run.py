"""Reasons for not running a claim say what is missing and what gets it."""

import io

import pytest
from rich.console import Console

import zoo
from tests.support.cli import run_cli
from zoo.claims.judge import measured
from zoo.claims.matching import get_paper, why_unavailable
from zoo.claims.plan import PlannedEval
from zoo.claims.runs import judge_comparisons
from zoo.evaluation.spec import EvalSpec
from zoo.models._registry import parse_name
from zoo.papers.loading import load_papers
from zoo.reporting.console import plan, report


def test_weights_not_here_name_both_commands_that_get_them() -> None:
    _, weights = parse_name("wrn28_10.pytorchcv_cifar10")
    assert str(why_unavailable(weights)).endswith(
        "is not on this machine; `zoo pull wrn28_10.pytorchcv_cifar10` downloads it, "
        "`zoo check wrn28_10.pytorchcv_cifar10 --download` measures it too"
    )


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (
            {"drop_rate"},
            "no weights for wrn28_10(drop_rate=0.3) on cifar10/test; "
            "wrn28_10.pytorchcv_cifar10 are of wrn28_10",
        ),
        (
            {"drop_rate", "num_classes"},
            "no weights for wrn28_10(num_classes=100, drop_rate=0.3) on cifar100/test; "
            "wrn28_10.pytorchcv_cifar100 are of wrn28_10(num_classes=100)",
        ),
    ],
)
def test_weights_of_other_arguments_are_set_beside_those_of_the_claim(
    args: set[str], why: str
) -> None:
    (claim,) = (c for c in zoo.list_claims("wrn28_10", kind="measured") if {*c.args} == args)
    assert measured(claim, {}).why == why


def test_comparison_without_runs_says_of_what() -> None:
    whys = {v.why for v in judge_comparisons(get_paper("wrn"), []).values()}
    assert "no training runs of both networks on cifar10/test are recorded here" in whys


def test_check_paper_without_claims_says_that_it_states_none() -> None:
    paper = next(p.id for p in load_papers() if not (p.claims or p.weights))
    done = run_cli("check", paper)
    assert done.code == 2
    assert (
        done.err == f"zoo: nothing to check: paper.toml of {paper} has no claims and no weights\n"
    )


def test_plan_of_nothing_lists_no_sums() -> None:
    text = io.StringIO()
    out = Console(file=text, width=200)
    plan([], {}, out)
    assert text.getvalue() == "plan: nothing to measure\n"
    spec = EvalSpec(model="bicubic_x2", benchmark="set5/bi_x2")
    plan([PlannedEval(spec, record={"id": "a"}, own=True)], {}, out)
    assert text.getvalue().endswith(" 0 not possible\n")


def test_report_says_how_to_see_each_number_that_was_not_run() -> None:
    rows = [measured(c, {}) for c in zoo.list_claims("wrn28_10", kind="measured") if c.args]
    text = {show_all: io.StringIO() for show_all in (False, True)}
    for show_all, file in text.items():
        report(rows, show_all, Console(file=file, width=400))
    hint = "--all prints each number that was not run"
    assert [file.getvalue().count(hint) for file in text.values()] == [1, 0]
    assert "3.89 %" in text[True].getvalue()
