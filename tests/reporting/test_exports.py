"""`zoo export`: tables, references and files for the Hub, from records alone."""

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from huggingface_hub import parse_eval_result_entries
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cli import run_cli
from tests.support.ledgers import content
from tests.support.patching import replace_everywhere
from zoo.claims import check
from zoo.claims.verdict import Kind, Status, Verdict
from zoo.cli.export import Format
from zoo.evaluation.ledger import Ledger
from zoo.evaluation.spec import spec_for
from zoo.models._registry import list_weights
from zoo.papers.loading import load_papers
from zoo.reporting import exports
from zoo.reporting.exports import FORMATS, bibtex, latex
from zoo.reporting.exports import csv as csv_export


def rows() -> list[Verdict]:
    """Verdicts of all kinds."""
    return check.verdicts_from_records("resnet20", "resnext50_32x4d", "wrn16_1.zoo_digits")


@pytest.fixture
def digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """One record is published: bundled weights on the digits."""
    published = Ledger(tmp_path / "published")
    replace_everywhere(monkeypatch, "zoo.evaluation.ledger.published", lambda: published)
    (weights,) = (w for w in list_weights("resnet20") if w.tag == "zoo_digits")
    key = spec_for(weights, "digits/test", None).fingerprint("fp32")
    published.add(content(2) | key)
    return published


NASTY = Verdict(
    paper="wrn",
    kind=Kind.MEASURED,
    model='=HYPERLINK("https://example.org","wrn_1")',
    metric="@SUM(A1)",
    where="Table 1, \\input{x}\n$x_1$ & 50 % #2 ~^ <a> {b} | “c” ± 1 × 2 --- ``d''",
    claimed="+1 %",
    status=Status.NOT_REPRODUCED,
    measured="-2,3",
    interval=(-1.5, float("inf")),
    why="\t=1",
    explained_by="a_b",
)


def test_csv_table_round_trips_every_verdict() -> None:
    found = rows()
    table = list(csv.DictReader(io.StringIO(csv_export.table(found)), strict=True))
    assert len(table) == len(found) > 10
    assert {row["kind"] for row in table} >= {"counted", "measured", "relative"}
    arxiv = {paper.id: paper.arxiv for paper in load_papers()}
    for cells, row in zip(table, found, strict=True):
        told = ("paper", "kind", "model", "where", "claimed", "provider", "measured", "why")
        assert [cells[name] for name in told] == [getattr(row, name) for name in told]
        assert (cells["verdict"], cells["record"], cells["date"]) == (
            row.status,
            row.record,
            row.date,
        )
        assert cells["arxiv"] == f"arXiv:{arxiv[row.paper]}"
        limits = [float(cells[f"interval_{side}"]) for side in ("low", "high") if row.interval]
        assert limits == list(row.interval or ())
        on = f" on {cells['benchmark']}" if row.claim and row.claim.benchmark else ""
        assert cells["metric"] + on == row.metric


def test_csv_table_formula_cell_is_quoted() -> None:
    (cells,) = csv.DictReader(io.StringIO(csv_export.table([NASTY])))
    guarded = [name for name, cell in cells.items() if cell.startswith("'")]
    assert guarded == ["model", "metric", "claimed", "measured", "why"]
    assert all(cells[name][1:] == getattr(NASTY, name) for name in guarded)
    assert (cells["interval_low"], cells["interval_high"]) == ("-1.5", "inf")
    assert cells["where"] == NASTY.where


@given(st.text() | st.from_regex(r"\s*[=+\-@＝\t].*"))
def test_csv_safe_any_text_is_unchanged_or_quoted(cell: str) -> None:
    safe = csv_export.safe(cell)
    cell = cell.replace("\r\n", "\n").replace("\r", "\n")
    assert safe in (cell, f"'{cell}")
    if safe == cell and cell.lstrip(" ")[:1] in (*"=+-@\t\n＝＋－＠",):
        float(cell)
    (read,) = csv.reader(io.StringIO(_line(safe)), strict=True)
    assert read == [safe]


def _line(cell: str) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([cell])
    return out.getvalue()


def test_latex_table_is_complete_and_cites_bibtex_keys() -> None:
    found = rows()
    lines = latex.table(found).splitlines()
    measured = [row for row in found if row.claim and row.measured]
    left_out = sum(row.claim is not None for row in found) - len(measured)
    assert lines[:3] == [
        latex.MARK.strip(),
        "% It needs the package booktabs.",
        f"% {left_out} more claims were neither counted nor measured.",
    ]
    assert lines[3:5] == [r"\begin{tabular}{llllll}", r"\toprule"]
    assert lines[6] == r"\midrule"
    assert lines[-2:] == [r"\bottomrule", r"\end{tabular}"]
    body = lines[7:-2]
    assert len(body) == len(measured) > 5
    for line in body:
        assert line.endswith(r" \\")
        assert len(re.findall(r"(?<!\\)&", line)) == len(latex.TITLES) - 1
    keys = set(re.findall(r"\\cite\{(.+?)\}", "".join(body)))
    entries = bibtex.text(["resnet20", "resnext50_32x4d", "wrn16_1.zoo_digits"])
    assert keys <= set(re.findall(r"^@\w+\{(.+?),$", entries, re.MULTILINE))
    assert keys == {"he2016deep", "xie2017aggregated"}


def test_latex_table_many_rows_uses_longtable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latex, "PAGE", 2)
    text = latex.table(rows())
    assert "% It needs the package booktabs, and longtable.\n" in text
    assert "\\midrule\n\\endhead\n" in text
    assert text.count("longtable}") == 2


def test_latex_table_without_measurements_raises() -> None:
    with pytest.raises(LookupError, match="none of the claims was counted or measured"):
        latex.table([row for row in rows() if not row.measured])


def test_latex_table_special_characters_are_escaped() -> None:
    row = replace(rows()[0], **{k: getattr(NASTY, k) for k in ("model", "where", "claimed")})
    (line,) = (x for x in latex.table([row]).splitlines() if x.startswith("\\cite"))
    assert r"\textbackslash{}input\{x\} \$x\_1\$ \& 50 \% \#2 \textasciitilde{}" in line
    assert r"$<$a$>$ \{b\} $|$ “c” $\pm$ 1 $\times$ 2 -{}-- \symbol{96}\symbol{96}d'{}'" in line
    assert r"=HYPERLINK(\symbol{34}https://example.org\symbol{34}" in line


@given(st.text())
def test_latex_escape_any_text_has_no_special_character(given: str) -> None:
    text = latex.escape(given)
    for shown in sorted(latex.SPECIAL.values(), key=len, reverse=True):
        text = text.replace(shown, " ")
    assert not set(text) & set("\\&%$#_{}~^\n")


def test_bibtex_text_lists_every_paper_once() -> None:
    text = bibtex.text([])
    found = re.findall(r"^@(\w+)\{([^,\s]+),$", text, re.MULTILINE)
    keys = [key for _, key in found]
    papers = load_papers()
    assert keys == [bibtex.key(paper) for paper in papers]
    assert len(set(keys)) == len(papers)
    for paper in papers:
        depth = [0]
        for character in paper.bibtex:
            depth.append(depth[-1] + {"{": 1, "}": -1}.get(character, 0))
        assert depth[-1] == 0 <= min(depth), paper.id
        assert depth.count(1) > 0
    assert bibtex.text(["resnet20", "resnet32"]).count("@") == 1


def test_export_eval_results_parse_with_huggingface_hub(digits: Ledger, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, said, _ = run_cli(
        "export", "--format", "eval-results", "resnet20.zoo_digits", "--out", out
    )
    path = out / "resnet20.zoo_digits" / ".eval_results" / "digits.yaml"
    assert (code, said) == (0, f"{path}\n")
    (entry,) = parse_eval_result_entries(yaml.safe_load(path.read_text("utf-8")))
    assert (entry.dataset_id, entry.task_id) == ("sklearn-docs/digits", "test_accuracy")
    assert entry.value == pytest.approx(99.44)
    code, _, says = run_cli("export", "--format", "eval-results", "wrn28_10", "--out", out)
    assert code == 2
    assert says == "zoo: no record of wrn28_10 on a data set of the Hub is published\n"


@pytest.mark.parametrize("name", ["csv", "latex", "bibtex"])
def test_export_single_file_prints_or_writes(name: str, tmp_path: Path) -> None:
    code, text, _ = run_cli("export", "--format", name, "resnet20")
    assert (code, text[: len(FORMATS[name].signature)]) == (0, FORMATS[name].signature)
    for out, path in (
        (tmp_path / "mine.txt", tmp_path / "mine.txt"),
        (tmp_path, tmp_path / FORMATS[name].file),
    ):
        assert run_cli("export", "--format", name, "resnet20", "--out", out) == (0, f"{path}\n", "")
        assert path.read_text("utf-8") == text
    assert len(list(tmp_path.iterdir())) == 2


def test_export_foreign_file_needs_force(tmp_path: Path) -> None:
    path = tmp_path / "papers.bib"
    args = ("--format", "bibtex", "resnet20", "--out", path)
    path.write_text("@book{mine, year = 1}\n")
    code, _, says = run_cli("export", *args)
    told = f"zoo: {path} was not written by `zoo export`; --force overwrites it\n"
    assert (code, says) == (2, told)
    assert path.read_text() == "@book{mine, year = 1}\n"
    assert run_cli("export", *args, "--force")[0] == 0
    path.write_text(path.read_text() + "% a line more\n")
    assert run_cli("export", *args)[0] == 0
    assert "a line more" not in path.read_text()


def test_save_one_foreign_file_writes_none(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "2.yaml").write_text("mine: 1\n")
    chosen = FORMATS["eval-results"]
    with pytest.raises(ValueError, match=r"2\.yaml was not written by"):
        exports.save({"a/1.yaml": "1", "b/2.yaml": "2"}, tmp_path, chosen)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--format", "csv", "resnte20"), "zoo: no model is called 'resnte20'; the nearest"),
        (
            ("--format", "every-eval-ever"),
            "zoo: --format every-eval-ever writes several files: name",
        ),
        (("--format", "csv", "resnet20", "--out", "no/such/x.csv"), "zoo: there is no folder no"),
    ],
)
def test_export_invalid_input_prints_one_line_and_exits_2(args: tuple[str, ...], says: str) -> None:
    code, out, error = run_cli("export", *args)
    assert (code, out) == (2, "")
    assert error.startswith(says)
    assert error.count("\n") == 1


def test_export_command_lists_every_format() -> None:
    assert list(Format) == list(FORMATS)
