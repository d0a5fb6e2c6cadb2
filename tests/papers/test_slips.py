"""Plausible slips of who types a paper.toml: loading it, or the transcriptions, catch each."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.papers.test_transcriptions import MISSING
from tests.support.patching import replace_everywhere
from tests.support.transcriptions import compare
from zoo.models._catalog import validate_claims
from zoo.papers.loading import load_paper
from zoo.papers.toml import PaperError
from zoo.papers.weights import MODELS_DIR

LOADING, TRANSCRIPTION = "loading", "transcription"


def misread(paper: str, slip: Mapping[str, str], folder: Path, **claim: object) -> str:
    """Copy a paper.toml, change one claim's keys to raw TOML values, and return its text."""
    original = MODELS_DIR / paper / "paper.toml"
    wanted = [
        c
        for c in load_paper(original).claims
        if all(str(getattr(c, key)) == str(value) for key, value in claim.items())
    ]
    assert len(wanted) == 1, [c.line for c in wanted]
    lines = original.read_text("utf-8").split("\n")
    start = wanted[0].line  # of the line after [[claims]]
    end = start + lines[start:].index("")
    block = [line for line in lines[start:end] if line.partition(" = ")[0] not in slip]
    block += [f"{key} = {value}" for key, value in slip.items()]
    path = folder / paper / "paper.toml"
    path.parent.mkdir()
    path.write_text("\n".join([*lines[:start], *block, *lines[end:]]), "utf-8")
    return str(path)


def caught_by(path: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Return what catches a slip, and its message; ("", "") if nothing does."""
    try:
        paper = load_paper(Path(path))
        replace_everywhere(monkeypatch, "zoo.papers.loading.load_papers", lambda: (paper,))
        validate_claims()
    except PaperError as error:
        return LOADING, str(error)
    for claim in paper.claims:
        problem = compare(claim) if claim.kind != "trial" else ""
        unlisted = problem is None and claim.where not in MISSING.get(paper.id, {})
        if problem or unlisted:
            return TRANSCRIPTION, problem or f"no transcription has {claim.where}"
    return "", ""


WRN = {"model": "wrn28_10", "args": {}, "benchmark": "cifar10/test", "value": "4.00"}
RESNET56 = {"model": "resnet56", "metric": "params"}
NARROW = {"kind": "relative", "model": "res2net50_26w_6s", "than": "res2net50_26w_4s"}
CARN = {"model": "carn_m", "metric": "psnr", "benchmark": "set14/bi_x4"}
RCAN = {"model": "rcan_x2", "metric": "psnr", "benchmark": "set5/bi_x2", "value": "38.27"}
MUDD = {
    "model": "muddpythia_2_8b",
    "benchmark": "lm_eval/arc_challenge",
    "protocol": "lm-eval-0-shot",
}
TRIAL = {"kind": "trial", "model": "plain56", "than": "plain20", "benchmark": "digits/test"}
LOWER = {"value": "0.86"}
SLIPS = [
    ("wrn", WRN, {"value": "4.50"}, TRANSCRIPTION, "4.00 for wrn28_10, not 4.50"),
    ("muddformer", MUDD, {"value": "91.3"}, TRANSCRIPTION, "31.9 for muddpythia_2_8b, not 91.3"),
    ("res2net", NARROW, {"relation": '">"'}, TRANSCRIPTION, "has 21.42 for res2net50_26w_6s"),
    ("carn", CARN, {"value": "27.42"}, LOADING, "explains nothing of 27.42"),
    ("rcan", RCAN, {"value": "37.27"}, TRANSCRIPTION, "38.27 for rcan_x2, not 37.27"),
    ("resnet", RESNET56, LOWER, TRANSCRIPTION, "0.85M for resnet56, not 0.86M"),
    (
        "resnet",
        RESNET56,
        LOWER | {"explained_by": '"small-nets-by-analogy"'},
        LOADING,
        "nothing of resnet56",
    ),
    ("resnet", RESNET56, LOWER | {"variant": '"as in the table"'}, LOADING, "`variant_kind`"),
    (
        "resnet",
        RESNET56,
        LOWER | {"variant": '"as in the table"', "variant_kind": '"not built yet"'},
        TRANSCRIPTION,
        "no such number of resnet56 [as in the table]",
    ),
    ("resnet", RESNET56, {"value": "0.95", "tolerance": "0.1"}, LOADING, "'tolerance'"),
    ("wrn", WRN, {"benchmark": '"cifar10/tset"'}, LOADING, "the nearest are cifar10/test"),
    ("wrn", WRN, {"where": '"Table 99"'}, TRANSCRIPTION, "no transcription has Table 99"),
    ("wrn", WRN, {"where": '"Table 4"'}, TRANSCRIPTION, "Table 4 has 4.17 for wrn28_10"),
    ("resnet", TRIAL, {"value": "90"}, LOADING, "a trial is ours"),
]


@pytest.mark.parametrize(("paper", "claim", "slip", "expected", "message"), SLIPS)
def test_slip_in_paper_toml_is_caught(
    paper: str,
    claim: dict[str, object],
    slip: dict[str, str],
    expected: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    catcher, problem = caught_by(misread(paper, slip, tmp_path, **claim), monkeypatch)
    assert (catcher, message in problem) == (expected, True), problem


def test_copy_without_slip_is_not_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = misread("wrn", {"value": "4.00"}, tmp_path, **WRN)
    assert caught_by(path, monkeypatch) == ("", "")
