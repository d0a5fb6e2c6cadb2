"""README.md, docs/ and CONTRIBUTING.md hold no number that is not counted again."""

import re
import tomllib
from collections.abc import Callable
from decimal import Decimal

import pytest

import zoo
from configs import cifar_pyramidnet
from eval import readme
from tests.conftest import ROOT
from zoo.claims import check
from zoo.claims.verdict import VARIANT_REASONS, Verdict
from zoo.models._registry import model_entries
from zoo.training import Recipe


@pytest.mark.slow
def test_check_of_some_papers_matches_recorded_verdicts() -> None:
    """What the command says where it measures, of each kind of verdict."""
    papers = ("resnet", "wrn", "rcan", "cyclenet")
    now, recorded = zoo.check(*papers), check.verdicts_from_records(*papers)
    for kind in ("counted", "relative", "trial"):
        rows = [row for row in now if row.kind == kind]
        assert rows == [row for row in recorded if row.kind == kind] != []
    told = ("paper", "model", "metric", "claimed", "status", "measured")
    actual, expected = (
        [[getattr(row, key) for key in told] for row in rows if row.measured]
        for rows in (now, recorded)
    )
    assert actual == expected
    assert sum(row.kind == "bundled weights" for row in now if row.measured) > 10


def test_tables_match_check_and_ledger(recorded: list[Verdict]) -> None:
    for path, text in readme.pages(recorded).items():
        assert path.read_text(encoding="utf-8") == text


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_verdicts_not_reproduced_have_explanation(recorded: list[Verdict]) -> None:
    assert [row for row in recorded if row.fails] == []
    assert {row.status for row in recorded} <= {
        "measured",
        "reproduced",
        "not reproduced",
        "exceeds reported",
        "supports",
        "contradicts",
        "inconclusive",
        "not run",
    }
    assert all(row.why for row in recorded if row.status == "not run")


def test_verdicts_cover_every_claim(recorded: list[Verdict]) -> None:
    claims = [row for row in recorded if row.claim]
    assert len(claims) == len(zoo.list_claims())
    counted = [row for row in recorded if row.kind == "counted"]
    assert {row.status for row in counted} == {"reproduced", "not reproduced", "not run"}
    assert {row.reason for row in counted if row.status == "not run"} <= {*VARIANT_REASONS.values()}


def worked_example() -> str:
    return (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_contributing_example_claims_match_paper_file() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", worked_example(), re.DOTALL)
    shown = tomllib.loads("\n".join(blocks), parse_float=Decimal)["claims"]
    assert {claim["kind"] for claim in shown} == {"counted", "measured", "relative"}
    for claim in shown:
        assert any(
            all(getattr(known, key) == value for key, value in claim.items())
            for known in zoo.list_claims("pyramidnet110_*")
        ), claim


def test_contributing_example_line_counts_match_files() -> None:
    room = ROOT / "zoo" / "models" / "pyramidnet"
    rows = re.findall(r"^\| `([\w./]+)`(.*) \| (\d+) \|$", worked_example(), re.MULTILINE)
    assert len(rows) == 7
    for name, told, lines in rows:
        path = ROOT / name if "/" in name else room / name
        assert len(path.read_text(encoding="utf-8").splitlines()) == int(lines), name
        for number, what in re.findall(r"(\d+) (names|claims|recipes)", told):
            assert int(number) == COUNTED[what]()


COUNTED: dict[str, Callable[[], int]] = {
    "names": lambda: sum(name.startswith("pyramidnet") for name in model_entries()),
    "claims": lambda: len(zoo.list_claims(paper="pyramidnet")),
    "recipes": lambda: len([v for v in vars(cifar_pyramidnet).values() if isinstance(v, Recipe)]),
}
