"""`zoo ledger`: what was measured, asked for as a person does."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.support.cli import run_cli
from tests.support.ledgers import content, filled, training
from tests.support.patching import replace_everywhere
from zoo.evaluation import ledger
from zoo.evaluation.ledger import Ledger, queries
from zoo.papers.loading import load_papers

SPEED = {
    "kind": "speed",
    "date": "2026-11-20T10:00:00Z",
    "what": "language models",
    "rows": [{"model": "gpt2_nano", "seconds": 1.5}, {"model": "gpt2", "seconds": 2}],
    "rounds": 10,
    "device": "NVIDIA H200",
    "versions": {"torch": "2.15.0"},
    "commit": f"{'b' * 40}+changes",
}
ENLARGED = {
    "date": "2026-11-22T00:00:00Z",
    "model": "bicubic_x2",
    "weights": "",
    "sha256": "",
    "benchmark": "set5/bi_x2",
    "scores": {"psnr": {"value": 33.66, "interval": [28.7, 38.63]}, "ssim": {"value": 0.92985}},
}


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """Five records of one's own; nothing is published."""
    replace_everywhere(
        monkeypatch, "zoo.evaluation.ledger.published", lambda: Ledger(tmp_path / "published")
    )
    replace_everywhere(monkeypatch, "zoo.evaluation.ledger.published", ledger.published)
    monkeypatch.setenv("ZOO_LEDGER", str(tmp_path / "own"))
    kept = Ledger(tmp_path / "own")
    again = content(1, date="2026-11-23T00:00:00Z")
    kept.extend([content(1), training("plain20", 3), SPEED, content(2, **ENLARGED), again])
    return kept


@pytest.mark.parametrize(
    ("args", "numbers"),
    [
        ((), [0, 1, 2, 3, 4]),
        (("list",), [0, 1, 2, 3, 4]),
        (("resnet21",), [0, 4]),
        (("resnet21.zoo_digits",), [0, 4]),
        (("plain*", "bicubic_x2"), [1, 3]),
        (("gpt2_nano",), [2]),
        (("rcan",), [3]),
        (("1512.03385",), [1]),
        (("--paper", "gpt2"), [2]),
        (("resnet21", "--paper", "gpt2"), []),
        (("--model", "*21*"), [0, 4]),
        (("--benchmark", "digits/*"), [0, 1, 4]),
        (("--benchmark", "set5/bi_x2"), [3]),
        (("--kind", "training"), [1]),
        (("--kind", "speed"), [2]),
        (("--since", "2026-11-22"), [3, 4]),
        (("--since", "2026-11-22T00:00:01"), [4]),
        (("--since", "2026-11-23T00:30:00+01:00"), [4]),
        (("--device", "*H200"), [1, 2]),
        (("--last",), [1, 2, 3, 4]),
        (("--own", "--last", "resnet21"), [4]),
        (("--published",), []),
    ],
)
def test_ledger_list_filters_select_records(
    args: tuple[str, ...], numbers: list[int], own: Ledger
) -> None:
    code, out, _ = run_cli("ledger", *args, "--json")
    assert code == 0
    everything = own.records()
    assert json.loads(out) == [everything[number] for number in numbers]


def test_ledger_list_table_shows_scores_and_id(own: Ledger) -> None:
    code, out, _ = run_cli("ledger")
    assert code == 0
    lines = [re.split(r" {2,}", line.strip()) for line in out.splitlines() if line.strip()]
    ids = [record["id"][:12] for record in own.records()]
    assert lines[0] == ["date", "what", "on", "scores", "precision", "device", "commit", "id"]
    error = "error 0.28 % [0.00, 100.00]"
    of = "resnet21.zoo_digits", "digits/test", error, "fp32", "x86_64", "aaaaaaa"
    assert lines[2] == ["2026-11-02 01:01", *of, ids[0]]
    plain = ["plain20.zoo_digits, seed 3", "digits/test", "error 10.56 %", "NVIDIA H200"]
    assert lines[3] == ["2026-11-21 11:40", *plain, ids[1]]
    speed = ["language models", "speed: 2 rows, 10 rounds", "NVIDIA H200", "bbbbbbb+"]
    assert lines[4] == ["2026-11-20 10:00", *speed, ids[2]]
    psnr = "psnr 33.66 dB [28.70, 38.63]"
    bicubic = ["bicubic_x2", "set5/bi_x2", psnr, "fp32", "x86_64", "aaaaaaa"]
    assert lines[5] == ["2026-11-22 00:00", *bicubic, ids[3]]
    assert lines[6] == ["ssim 0.9298"]


def test_ledger_list_many_records_shows_latest(
    own: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.cli.ledger.SHOWN", 2)
    _, out, _ = run_cli("ledger")
    assert own.records()[2]["id"][:12] not in out
    assert own.records()[3]["id"][:12] in out
    assert "the last 2 of 5 records; --json has them all" in out


def test_ledger_show_id_prefix_prints_record_file(own: Ledger) -> None:
    for path, record in zip(own.paths, own.records(), strict=True):
        assert run_cli("ledger", "show", record["id"][:12]) == (0, path.read_text("utf-8"), "")
    code, _, says = run_cli("ledger", "show", "")
    assert (code, says[:38]) == (2, "zoo: 5 records have ids that start wit")
    assert (
        run_cli("ledger", "show", "xyz")[2] == "zoo: no record has an id that starts with 'xyz'\n"
    )


def test_ledger_list_record_in_both_ledgers_is_listed_once(own: Ledger) -> None:
    shutil.copytree(own.folder, own.folder.with_name("published"))
    assert len(json.loads(run_cli("ledger", "--json")[1])) == 5


def test_ledger_verify_edited_record_fails(own: Ledger, tmp_path: Path) -> None:
    code, out, _ = run_cli("ledger", "verify")
    published = f"{tmp_path / 'published'}: 0 records\n"
    assert (code, out) == (0, f"{published}{own.folder}: 5 records, the last is {own.last}\n")
    path = filled(tmp_path / "published", 2).paths[0]
    path.write_text(path.read_text("utf-8").replace('"threads": 2', '"threads": 3'))
    code, out, says = run_cli("ledger", "verify")
    assert (code, says) == (1, f"zoo: {path} was edited: it is not what its id says\n")
    assert out == f"{own.folder}: 5 records, the last is {own.last}\n"
    assert run_cli("ledger", "verify", "--own")[0] == 0
    assert run_cli("ledger", "verify", "--ledger", tmp_path / "published")[0] == 1
    assert run_cli("ledger")[::2] == (2, says)


def test_ledger_merge_adds_missing_records(own: Ledger, tmp_path: Path) -> None:
    theirs = filled(tmp_path / "theirs", 2)
    code, out, _ = run_cli("ledger", "merge", theirs.folder)
    # of the two, one is what one's own has already
    assert (code, out) == (0, f"1 of 2 records of {theirs.folder} were added to {own.folder}\n")
    assert own.verify() == 6
    code, out, _ = run_cli("ledger", "merge", own.folder, "--ledger", theirs.folder)
    assert (code, out[:15]) == (0, "4 of 6 records ")
    new = tmp_path / "new"
    assert run_cli("ledger", "merge", own.folder, "--ledger", new)[0] == 0
    assert Ledger(new).verify() == 6


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("nothing*",), "no record matches; `zoo ledger` lists them all"),
        (("resnet12",), "no model is called 'resnet12'; the nearest are resnet"),
        (("--benchmark", "digit/test"), "no benchmark of a record is called 'digit/test'; the"),
        (("--paper", "resnte"), "no paper is called 'resnte'; the nearest are resn"),
        (("--since", "yesterday"), "a date is like 2026-11-20, or 2026-11-20T12:00, not 'yest"),
        (("--own", "--published"), "--published, --own and --ledger exclude one another"),
        (("--ledger", "no/such/folder"), "a ledger is a folder that exists, not no/such/folder"),
        (("merge", "no/such/folder"), "a ledger is a folder that exists, not no/such/folder"),
        (("verify", "--ledger", "no/such"), "a ledger is a folder that exists, not no/such"),
    ],
)
def test_ledger_invalid_input_prints_one_line_and_exits_2(
    args: tuple[str, ...], says: str, own: Ledger
) -> None:
    code, out, error = run_cli("ledger", *args)
    assert (code, out) == (2, "")
    assert error.startswith(f"zoo: {says}")
    assert error.count("\n") == 1


def test_ledger_help_lists_subcommands() -> None:
    code, out, _ = run_cli("ledger", "--help")
    assert code == 0
    for word in ("list", "show", "verify", "merge", "zoo ledger NAMES"):
        assert word in out
    assert "--benchmark" in run_cli("ledger", "resnet20", "--help")[1]


def test_latest_per_subject_separates_protocol_and_device() -> None:
    alike = [content(1), content(1, seconds=2.0)]
    others = [
        content(1, precision="bf16"),
        content(1, protocol={"crop_pct": 0.9}),
        content(1, device="NVIDIA H200"),
        content(1, benchmark="digits/train"),
        training("resnet21", 0),
        training("resnet21", 1),
    ]
    assert queries.latest_per_subject([*alike, *others]) == [alike[1], *others]
    assert queries.latest_per_subject([*others, *alike]) == [*others, alike[1]]


@pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_ledger_list_paper_option_accepts_every_paper(step: int, own: Ledger) -> None:
    for paper in load_papers()[::step]:
        done = run_cli("ledger", "--paper", paper.id, "--json")
        assert done.code == 0 or "declared without a network" in done.err
