"""paper.toml is read strictly; every error names its file and line."""

import importlib
import re
from contextlib import nullcontext
from decimal import Decimal
from fnmatch import fnmatch
from pathlib import Path

import pytest

import zoo
from tests.support.patching import replace_everywhere
from zoo.claims.selection import select
from zoo.models._catalog import validate_claims
from zoo.models._registry import get_entry, list_weights, model_entries, paper_of
from zoo.papers.loading import load_paper, load_papers
from zoo.papers.toml import PaperError
from zoo.papers.weights import MODELS_DIR
from zoo.reporting import console

HEAD = """[paper]
title = "A Paper"
arxiv = "0000.00000v1"
year = 2020
authors = ["A. Author"]
code = "https://example.org"
task = "image-classification"
bibtex = "@misc{a}"

[protocols]
plain = "as is"

"""
CLAIM = """[[claims]]
kind = "counted"
model = "resnet20"
metric = "params"
value = 0.270
unit = "M"
where = "Table 6"
"""
MEASURED = """[[claims]]
kind = "measured"
model = "resnet20"
metric = "error"
value = 8.75
benchmark = "cifar10/test"
aggregation = "single run"
where = "Table 6"
"""


def write_paper(folder: Path, text: str) -> Path:
    path = folder / "family" / "paper.toml"
    path.parent.mkdir()
    path.write_text(HEAD + text)
    return path


def test_load_paper_value_preserves_printed_digits(tmp_path: Path) -> None:
    claim = load_paper(write_paper(tmp_path, CLAIM)).claims[0]
    assert (claim.value, str(claim.value), claim.line) == (Decimal("0.27"), "0.270", 13)


FIRST = 13  # the line of the first [[claims]]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (CLAIM.replace("unit", "units"), FIRST + 5, "unknown key 'units'"),
        (CLAIM.replace('where = "Table 6"\n', ""), FIRST, "lacks `where`"),
        (CLAIM.replace('"Table 6"', '""'), FIRST, "`where`"),
        (CLAIM.replace('"counted"', '"guessed"'), FIRST + 1, "counted, measured, relative"),
        (CLAIM.replace('"params"', '"weights"'), FIRST, "params, macs, depth"),
        (CLAIM.replace('"M"', '"Mi"'), FIRST + 5, "K, M, G"),
        (CLAIM.replace("0.270", '"0.27"'), FIRST + 4, "value: expected `number`, got `str`"),
        (CLAIM.replace("value = 0.270\n", ""), FIRST, "printed `value`"),
        (CLAIM + 'explained_by = "luck"\n', FIRST, "id 'luck'"),
        (CLAIM + "tolerance = 0.1\n", FIRST + 7, "unknown key 'tolerance'"),
        (CLAIM + 'variant = "wider"\n', FIRST, "needs its `variant_kind`"),
        (CLAIM + 'variant_kind = "not public"\n', FIRST, "no other claim has one"),
        (CLAIM + 'variant_kind = "lost"\n', FIRST + 7, "not public, another system, not built"),
        (CLAIM + 'source = "quoted"\n', FIRST, "who quotes it"),
        (CLAIM + 'source = "hearsay"\n', FIRST + 7, "paper, readme, code, log, quoted, mem"),
        (CLAIM + 'source_detail = "a blog"\n', FIRST, "a `source` other than the paper"),
        (
            MEASURED.replace('"measured"', '"trial"\nthan = "plain20"\nrelation = "<"'),
            FIRST,
            "ours",
        ),
        (CLAIM + "\n" + CLAIM, FIRST + 8, f"stands in line {FIRST}"),
        (MEASURED.replace('aggregation = "single run"\n', ""), FIRST, "aggregation"),
        (MEASURED + 'protocol = "other"\n', FIRST, "'other'"),
        (MEASURED.replace('"measured"', '"relative"'), FIRST, "`than`"),
        (CLAIM + "\n" + MEASURED.replace("value", "valeu"), FIRST + 12, "unknown key 'valeu'"),
        ("[[claim]]\n", FIRST, "claim: unknown table"),
        ("[crops.other]\nresize = [256]\n", FIRST, "'other'"),
        ("[crops.plain]\ncrop_size = 224\n", FIRST, "lacks `resize`"),
        (
            "[crops.plain]\nresize = [256]\nwidth = 3\n",
            FIRST + 2,
            "unknown key 'width' in crops.plain; known are crop_size, crops",
        ),
        ("[crops.plain]\nresize = [256]\n", FIRST, "`crop_size` unless"),
        ('[crops.plain]\nresize = [2]\ncrops = "all"\n', FIRST + 2, "center, ten, whole"),
    ],
)
def test_load_paper_invalid_record_raises_with_line(
    tmp_path: Path, text: str, line: int, message: str
) -> None:
    with pytest.raises(PaperError) as error:
        load_paper(write_paper(tmp_path, text))
    assert str(error.value).startswith(f"family/paper.toml:{line}: "), error.value
    assert message in str(error.value)


def test_load_paper_invalid_toml_raises_with_line(tmp_path: Path) -> None:
    with pytest.raises(PaperError, match=r"family/paper\.toml: .*line 14"):
        load_paper(write_paper(tmp_path, "[[claims]]\nkind = counted\n"))


def test_load_paper_missing_head_key_raises(tmp_path: Path) -> None:
    path = write_paper(tmp_path, CLAIM)
    path.write_text(path.read_text().replace("year = 2020\n", ""))
    with pytest.raises(PaperError, match=r"paper\.toml:1: paper: lacks `year`"):
        load_paper(path)


def test_check_claims_unknown_model_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paper = load_paper(write_paper(tmp_path, CLAIM.replace("resnet20", "resnet21")))
    replace_everywhere(monkeypatch, "zoo.papers.loading.load_papers", lambda: (paper,))
    with pytest.raises(PaperError, match=rf"family/paper\.toml:{FIRST}: .*'resnet21'"):
        validate_claims()


@pytest.mark.parametrize(
    ("claimed", "declared", "message"),
    [
        ("cifar10/tset", "", r"toml:13: no benchmark is called 'cifar10/tset'; .* cifar10/test,"),
        ("chese/tset", "cheese/test", "no benchmark is called 'chese/tset'; the .* cheese/test,"),
        ("cifar10/test", "cifar10/train", "describes 'cifar10/train', but the zoo has it"),
        ("cifar10/test", "moon/test", "describes 'moon/test', but nothing here is about it"),
        ("moon/test", "moon/test", ""),
    ],
)
def test_check_claims_benchmark_is_known_or_declared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, claimed: str, declared: str, message: str
) -> None:
    text = MEASURED.replace("cifar10/test", claimed)
    if declared:
        text += f'\n[benchmarks_elsewhere]\n"{declared}" = "a set"\n'
    paper = load_paper(write_paper(tmp_path, text))
    replace_everywhere(monkeypatch, "zoo.papers.loading.load_papers", lambda: (paper,))
    with pytest.raises(PaperError, match=message) if message else nullcontext():
        validate_claims()


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ("", "Table 6"),
        ('source = "memory"\n', "Table 6 (from memory)"),
        ('source = "quoted"\nsource_detail = "a survey"\n', "Table 6 (quoted in a survey)"),
        ('source = "log"\nsource_detail = "run 3"\n', "Table 6 (log, run 3)"),
    ],
)
def test_claim_place_says_what_was_read(tmp_path: Path, fields: str, place: str) -> None:
    assert load_paper(write_paper(tmp_path, CLAIM + fields)).claims[0].place == place


def test_claims_quoted_in_prose_have_a_source() -> None:
    told = re.compile("quot|at hand|README|from memory|third part|told", re.IGNORECASE)
    for claim in (claim for paper in load_papers() for claim in paper.claims):
        if claim.source == "paper":
            assert not told.search(claim.where.replace("Table 3, README", "")), claim


def test_check_claims_all_papers_pass() -> None:
    validate_claims()
    families = {path.parent.name for path in MODELS_DIR.glob("*/__init__.py")}
    papers = {paper.id: paper for paper in load_papers()}
    assert set(papers) == families
    claimed = {claim.model for paper in papers.values() for claim in paper.claims}
    for paper in papers.values():  # its own claims, or another paper's about its networks
        silent = any(d.id == "no-claims" for d in paper.deviations)  # no number of it can be read
        assert any(paper_of(get_entry(name)) is paper for name in claimed) != silent
        assert paper.bibtex.strip().startswith("@")
        for claim in paper.claims:
            assert not claim.protocol or paper.protocols[claim.protocol]


def test_load_papers_every_model_has_claim_or_deviation() -> None:
    claimed = {c.model for p in load_papers() for c in p.claims}
    claimed |= {c.than for p in load_papers() for c in p.claims}
    described = [m for p in load_papers() for d in p.deviations for m in d.models]
    others = set(model_entries()) - claimed
    assert [n for n in others if not any(fnmatch(n, pattern) for pattern in described)] == []


def test_check_claims_model_of_other_paper_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights may not; and a network's claims are those of all papers."""
    claim = CLAIM.replace('kind = "counted"', 'kind = "counted"\nnote = "by another"')
    other = load_paper(write_paper(tmp_path, claim))
    replace_everywhere(monkeypatch, "zoo.papers.loading.load_papers", lambda: (other,))
    validate_claims()
    assert [c.note for c in zoo.describe("resnet20").claims] == ["by another"]


def test_check_claims_weights_of_other_paper_raise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = """[[weights]]
name = "resnet20.mine"
file = "weights.safetensors"
sha256 = "%s"
origin = "here"
license = "mit"
relation = "official"
benchmarks = ["cifar10/test"]
preprocessing = {}
"""
    text = write_paper(tmp_path, CLAIM + "\n" + weights % ("0" * 64))
    paper = load_paper(text)
    replace_everywhere(monkeypatch, "zoo.papers.loading.load_papers", lambda: (paper,))
    with pytest.raises(
        PaperError, match=rf"toml:{FIRST + 8}: this model family has no model 'resnet20'"
    ):
        validate_claims()


def test_check_claims_unknown_compared_model_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = MEASURED.replace('"measured"', '"relative"\nthan = "plain21"\nrelation = "<"')
    paper = load_paper(write_paper(tmp_path, text))
    replace_everywhere(monkeypatch, "zoo.papers.loading.load_papers", lambda: (paper,))
    with pytest.raises(PaperError, match=rf"toml:{FIRST}: this zoo has no model 'plain21'"):
        validate_claims()


def test_describe_includes_claims_of_other_papers() -> None:
    gpt2 = zoo.describe("gpt2")
    places = [str(cell) for cell in console.claims(gpt2).columns[1].cells]
    assert [p.partition(": ")[0] for p in places if ": " in p] == ["loop_residual"]
    assert "baseline-not-trained" in {record.id for record in gpt2.contradictions}
    assert "pythia_12b" in zoo.list_models(dataset="pile")


def test_select_claim_uses_weights_of_model_from_any_paper() -> None:
    selected = {paper.id: (claims, weights) for paper, claims, weights in select(["gpt2"])}
    assert set(selected) == {"gpt2", "loop_residual"}
    claims, weights = selected["loop_residual"]
    assert {claim.model for claim in claims} == {"gpt2"}
    assert {w.name for w in weights} == {w.name for w in list_weights("gpt2")}
    papers = {paper.id for paper, *_ in select(["gpt2.openai"])}
    assert papers == {"gpt2", "loop_residual"}
    assert {p.id for p, *_ in select(["carn"])} == {"carn"}


def test_list_claims_formulas_exist_in_paper_module() -> None:
    formulas = {(c.paper, c.formula) for c in zoo.list_claims() if c.formula}
    assert formulas
    for family, formula in formulas:
        assert callable(getattr(importlib.import_module(f"zoo.models.{family}.formulas"), formula))
