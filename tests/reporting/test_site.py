"""zoo report: the whole site, from the published ledger."""

import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from itertools import takewhile
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from urllib.request import urlopen

import pytest
from filelock import FileLock
from typer.testing import CliRunner

import zoo
from tests.support.processes import start
from zoo.claims.tally import tally
from zoo.claims.verdict import Verdict
from zoo.cli import app
from zoo.evaluation import ledger
from zoo.models._registry import default_weights
from zoo.reporting.site import ReportError, build
from zoo.reporting.site.image_comparison import compare
from zoo.reporting.site.pages import Site

HOSTILE = "<script>alert(1)</script>\"'&"


@pytest.fixture(scope="session")
def site(recorded: list[Verdict], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, with one claim that was written by an enemy; all processes share it."""
    shared = tmp_path_factory.getbasetemp()
    out = (shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared) / "site"
    with FileLock(out.with_suffix(".lock")):
        if out.exists():
            return out
        first = replace(recorded[0], model=HOSTILE, measured=HOSTILE, why=HOSTILE)
        weights = default_weights("rcan_tiny_x2")
        compared = {weights.name: compare(weights)}
        return build(out, [first, *recorded[1:]], ledger.published().records(), compared)


class Links(HTMLParser):
    """Ids of a page, what its links and resources name, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.resources: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.ids += [given["id"] or ""] if "id" in given else []
        for key in ("href", "src", "data-to"):
            if given.get(key) and (tag in ("a", "path") or key == "data-to"):
                self.links.append(given[key] or "")
            elif given.get(key):
                self.resources.append(given[key] or "")


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Links]:
    return {path: Links(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}


@pytest.mark.slow
def test_build_writes_page_for_every_paper_model_benchmark(site: Path) -> None:
    for paper in zoo.list_papers():
        assert (site / "papers" / f"{paper.id}.html").is_file()
    for name in zoo.list_models():
        assert (site / "models" / f"{name}.html").is_file()
    for claim in zoo.list_claims(kind="measured"):
        assert (
            site / "benchmarks" / f"{re.sub('[^A-Za-z0-9_.+-]', '_', claim.benchmark)}.html"
        ).is_file()


@pytest.mark.slow
def test_build_every_link_has_a_target(site: Path, pages: dict[Path, Links]) -> None:
    ids = {path: set(page.ids) for path, page in pages.items()}
    checked = 0
    for path, page in pages.items():
        for link in page.links:
            if link.startswith(("https://", "#?")):
                continue
            file, _, anchor = link.partition("#")
            target = (path.parent / unquote(file)).resolve() if file else path
            assert target.is_file(), (path.name, link)
            if anchor:
                assert anchor in ids[target], (path.name, link)
            checked += 1
    assert checked > 10_000


@pytest.mark.slow
def test_build_ids_are_unique_per_page(pages: dict[Path, Links]) -> None:
    for path, page in pages.items():
        assert not [name for name, n in Counter(page.ids).items() if n > 1], path.name


@pytest.mark.slow
def test_build_pages_load_only_local_resources(site: Path, pages: dict[Path, Links]) -> None:
    for path, page in pages.items():
        for resource in page.resources:
            local = resource == "data:," or (path.parent / resource).resolve().is_file()
            assert local, (path.name, resource)
    for name in ("report.css", "report.js"):
        assert not re.search(r"https?:|url\(|@import|fetch\(|XMLHttp", (site / name).read_text())


def claims_of(script: str) -> list[list[str]]:
    """The rows that a script of claims hands to the search."""
    claims: list[list[str]] = json.loads(script.removeprefix("zooClaims(").removesuffix(");\n"))
    return claims


@pytest.mark.slow
def test_build_index_has_sums_and_search_knows_every_claim_once(
    site: Path, recorded: list[Verdict]
) -> None:
    text = (site / "index.html").read_text(encoding="utf-8")
    for line in tally(recorded).lines():
        if not line.startswith("bundled"):
            assert line in unescape(text), line
    scripts = [site / address for address in re.findall(r"claims/[\w.+-]+\.js", text)]
    ids = [row[0] for script in scripts for row in claims_of(script.read_text(encoding="utf-8"))]
    assert len(ids) == len(set(ids)) == len(zoo.list_claims())


def test_build_index_with_ten_thousand_claims_is_small(recorded: list[Verdict]) -> None:
    claims = [row for row in recorded if row.claim]
    many = [claims[n % len(claims)] for n in range(10_000)]
    pages = takewhile(lambda page: page[0] != "about.html", Site(many, [], {}).files())
    loaded = {name: content for name, content in pages if not name.startswith("claims/")}
    assert {"index.html", "report.css", "report.js"} == set(loaded)
    assert sum(map(len, loaded.values())) < 300_000
    assert b"numbers of" in loaded["index.html"]


@pytest.mark.slow
def test_build_hostile_text_is_escaped(site: Path) -> None:
    for path in site.rglob("*.html"):
        assert "<script>alert" not in path.read_text(encoding="utf-8"), path.name
    assert any(
        "&lt;script&gt;alert(1)" in p.read_text(encoding="utf-8") for p in site.glob("papers/*")
    )


@pytest.mark.slow
def test_build_paper_page_has_all_sections(site: Path) -> None:
    text = (site / "papers" / "rcan.html").read_text(encoding="utf-8")
    for part in (
        "x -&gt; head -&gt; 10 groups of 20 blocks",  # the picture, of model.py
        'id="bicubic-rows"',  # a contradiction
        "@inproceedings{zhang2018rcan",
        "of the images that the authors published",
        "zoo check rcan_x2 --data DIR",
        "How far ours are from the printed numbers",
    ):
        assert part in text, part
    flows = (site / "papers" / "residual_flows.html").read_text(encoding="utf-8")
    assert "<h2>Samples</h2>" in flows
    assert "Samples of small networks trained on toy2d/eight_gaussians" in flows


@pytest.mark.slow
def test_build_model_page_has_training_curves(site: Path) -> None:
    text = (site / "models" / "plain56.html").read_text(encoding="utf-8")
    records = [r for r in ledger.published().records() if r.get("model") == "plain56"]
    runs = {(r["recipe"], r["seed"]) for r in records if r["kind"] == "training"}
    assert re.search(rf"{len(runs)} runs, a line each: plain56\.", text)
    assert text.count("<title>plain56.zoo_digits, seed") == 10  # of the loss and of the error


@pytest.mark.slow
def test_build_benchmark_page_has_pareto_front(site: Path) -> None:
    text = (site / "benchmarks" / "imagenet_val.html").read_text(encoding="utf-8")
    assert "Parameters against error on imagenet/val" in text
    assert "The front of what papers claim: " in text


@pytest.mark.slow
def test_build_same_input_gives_same_bytes(recorded: list[Verdict], tmp_path: Path) -> None:
    few = [row for row in recorded if row.paper in ("wrn", "srresnet")]
    records = [r for r in ledger.published().records() if "wrn16" in r.get("model", "")]
    one, two = (build(tmp_path / name, few, records) for name in "ab")
    names = [{p.relative_to(out) for p in out.rglob("*")} for out in (one, two)]
    assert names[0] == names[1]
    for name in names[0]:
        if (one / name).is_file():
            assert (one / name).read_bytes() == (two / name).read_bytes(), name


def test_build_foreign_folder_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ReportError, match="holds something else than a report"):
        build(tmp_path, [], [])
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(ReportError):
        build(tmp_path / "thesis.tex", [], [])


def test_build_replaces_older_report_atomically(
    tmp_path: Path, recorded: list[Verdict], monkeypatch: pytest.MonkeyPatch
) -> None:
    few = recorded[:3]
    out = build(tmp_path / "site", few, [])
    (out / "papers" / "old.html").write_text("gone")
    build(out, few, [])
    assert not (out / "papers" / "old.html").exists()
    before = sorted(path.name for path in out.iterdir())

    def fails(*args: Any) -> Iterator[Any]:
        yield "index.html", b"half"
        raise OSError("the disk is full")

    monkeypatch.setattr("zoo.reporting.site.pages.Site.files", fails)
    with pytest.raises(OSError, match="full"):
        build(out, few, [])
    assert sorted(path.name for path in out.iterdir()) == before
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_report_command_without_options_raises() -> None:
    done = CliRunner().invoke(app, ["report"])
    assert isinstance(done.exception, ValueError)
    assert "say --out DIR, --serve, or both" in str(done.exception)


def test_build_without_vl_convert_names_extra_to_install(
    recorded: list[Verdict], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(LookupError, match=r"install residual-zoo\[report\]"):
        build(tmp_path / "site", recorded, [])
    assert not list(tmp_path.iterdir())


SERVED = """
from zoo.claims import check
from zoo.cli import main

verdicts = check.verdicts_from_records("wrn")
check.verdicts_from_records = lambda: verdicts
main()
"""


@pytest.mark.slow
def test_report_command_serve_listens_on_loopback_only(tmp_path: Path) -> None:
    """With the claims of one paper."""
    out, script = tmp_path / "site", tmp_path / "served.py"
    script.write_text(SERVED)
    command = (str(script), "report", "--serve", "--no-browser", "--out", str(out))
    running, lines = start(*command, output=tmp_path / "printed"), []
    while len(lines) < 2 and running.is_alive():
        time.sleep(0.05)
        lines = (tmp_path / "printed.out").read_text().splitlines() if out.exists() else []
    assert lines[0] == str(out / "index.html"), (tmp_path / "printed.err").read_text()
    address = lines[1].split()[0]
    assert address.startswith("http://127.0.0.1:")
    with urlopen(f"{address}papers/wrn.html", timeout=20) as answer:
        assert b"<h1>Wide Residual Networks</h1>" in answer.read()
    running.kill()
