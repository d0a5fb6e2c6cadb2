"""zoo report: the whole site, from the published ledger; and in a browser (Debian's Chromium)."""

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from typer.testing import CliRunner

import zoo
from zoo import checking, ledger, registry
from zoo.cli import app
from zoo.report import ReportError, build
from zoo.report.photographs import compare
from zoo.verdicts import Verdict

CHROMIUM = Path("/usr/bin/chromium")
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
browser_test = pytest.mark.browser
HOSTILE = "<script>alert(1)</script>\"'&"


@pytest.fixture(scope="module")
def rows() -> list[Verdict]:
    return checking.recorded()


@pytest.fixture(scope="module")
def site(rows: list[Verdict], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, with one claim that was written by an enemy."""
    first = replace(rows[0], model=HOSTILE, measured=HOSTILE, why=HOSTILE)
    weights = registry.default_weights("rcan_tiny_x2")
    compared = {weights.name: compare(weights)}
    out = tmp_path_factory.mktemp("report") / "site"
    return build(out, [first, *rows[1:]], ledger.published().records(), compared)


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


def test_there_is_a_page_for_everything(site: Path) -> None:
    for paper in zoo.papers():
        assert (site / "papers" / f"{paper.id}.html").is_file()
    for name in zoo.list_models():
        assert (site / "models" / f"{name}.html").is_file()
    for claim in zoo.claims(kind="measured"):
        assert (
            site / "benchmarks" / f"{re.sub('[^A-Za-z0-9_.+-]', '_', claim.benchmark)}.html"
        ).is_file()


def test_every_link_leads_somewhere(site: Path, pages: dict[Path, Links]) -> None:
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


def test_ids_are_once_on_a_page(pages: dict[Path, Links]) -> None:
    for path, page in pages.items():
        assert not [name for name, n in Counter(page.ids).items() if n > 1], path.name


def test_nothing_is_asked_of_anybody(site: Path, pages: dict[Path, Links]) -> None:
    for path, page in pages.items():
        for resource in page.resources:
            local = resource == "data:," or (path.parent / resource).resolve().is_file()
            assert local, (path.name, resource)
    for name in ("report.css", "report.js"):
        assert not re.search(r"https?:|url\(|@import|fetch\(|XMLHttp", (site / name).read_text())


def test_the_front_page_is_small_and_has_every_claim_once(
    site: Path, rows: list[Verdict], pages: dict[Path, Links]
) -> None:
    loaded = ("index.html", "report.css", "report.js")
    assert sum((site / name).stat().st_size for name in loaded) < 300_000
    text = (site / "index.html").read_text(encoding="utf-8")
    shown = re.findall(r"<tr id=(c[0-9a-f]{8})>", text)
    assert len(shown) == len(set(shown)) == len(zoo.claims())
    counts = Counter(row.status for row in rows if row.claim)
    for status, number in counts.items():
        assert f"<strong>{number:,}</strong> {status}" in text


def test_what_an_enemy_wrote_is_text(site: Path) -> None:
    for path in site.rglob("*.html"):
        assert "<script>alert" not in path.read_text(encoding="utf-8"), path.name
    assert "&lt;script&gt;alert(1)" in (site / "index.html").read_text(encoding="utf-8")


def test_a_paper_has_what_there_is_to_know(site: Path) -> None:
    text = (site / "papers" / "rcan.html").read_text(encoding="utf-8")
    for part in (
        "x -&gt; head -&gt; 10 groups of 20 blocks",  # the picture, of model.py
        'id="bicubic-rows"',  # a contradiction
        "@inproceedings{zhang2018rcan",
        "of the images that the authors published",
        "zoo check rcan_x2 --data DIR",
        "Claimed against measured: psnr",
    ):
        assert part in text, part


def test_curves_of_what_was_trained_here(site: Path) -> None:
    text = (site / "models" / "plain56.html").read_text(encoding="utf-8")
    assert "5 runs, a line each: plain56." in text
    assert text.count("<title>plain56.zoo_digits, seed") == 10  # of the loss and of the error


def test_sizes_against_errors_with_the_front(site: Path) -> None:
    text = (site / "benchmarks" / "imagenet_val.html").read_text(encoding="utf-8")
    assert "Parameters against error on imagenet/val" in text
    assert "The front of what papers claim: " in text


def test_the_same_in_gives_the_same_bytes(rows: list[Verdict], tmp_path: Path) -> None:
    few = [row for row in rows if row.paper in ("wrn", "srresnet")]
    one, two = (build(tmp_path / name, few, ledger.published().records()) for name in "ab")
    names = [{p.relative_to(out) for p in out.rglob("*")} for out in (one, two)]
    assert names[0] == names[1]
    for name in names[0]:
        if (one / name).is_file():
            assert (one / name).read_bytes() == (two / name).read_bytes(), name


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ReportError, match="holds something else than a report"):
        build(tmp_path, [], [])
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(ReportError):
        build(tmp_path / "thesis.tex", [], [])


def test_an_older_report_is_replaced_whole(
    tmp_path: Path, rows: list[Verdict], monkeypatch: pytest.MonkeyPatch
) -> None:
    few = rows[:3]
    out = build(tmp_path / "site", few, [])
    (out / "papers" / "old.html").write_text("gone")
    build(out, few, [])
    assert not (out / "papers" / "old.html").exists()
    before = sorted(path.name for path in out.iterdir())

    def fails(*args: Any) -> Iterator[Any]:
        yield "index.html", b"half"
        raise OSError("the disk is full")

    monkeypatch.setattr("zoo.report.pages.Site.files", fails)
    with pytest.raises(OSError, match="full"):
        build(out, few, [])
    assert sorted(path.name for path in out.iterdir()) == before
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_the_command_needs_to_know_what_to_do() -> None:
    done = CliRunner().invoke(app, ["report"])
    assert isinstance(done.exception, ValueError)
    assert "say --out DIR, --serve, or both" in str(done.exception)


# In a browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    if not CHROMIUM.exists():
        if os.environ.get("ZOO_BROWSER") == "1":
            pytest.fail(f"ZOO_BROWSER is 1 and there is no {CHROMIUM}")
        pytest.skip(f"there is no {CHROMIUM}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium: Any) -> Iterator[Any]:
    """A tab from which nothing but files may be asked, and in which nothing may go wrong."""
    context = chromium.new_context(viewport={"width": 1200, "height": 800}, color_scheme="light")
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    yield page
    context.close()
    assert faults == []
    assert [
        url for url in asked if not url.startswith(("file:", "data:", "http://127.0.0.1"))
    ] == []


@browser_test
def test_search_and_its_address(tab: Any, site: Path) -> None:
    tab.goto(f"{(site / 'index.html').as_uri()}#?q=bicubic+set5&status=kept")
    assert tab.locator("#all tbody tr:visible").count() == 7
    assert tab.locator("output").inner_text() == "7 of 1,475"
    tab.fill("input[type=search]", "plain56 training_error digits")
    tab.select_option("select", "")
    row = tab.locator("#all tbody tr:visible")
    assert row.count() >= 1
    assert "plain56" in row.first.inner_text()
    assert tab.url.endswith("#?q=plain56+training_error+digits")


@browser_test
def test_order_by_a_column(tab: Any, site: Path) -> None:
    tab.goto((site / "index.html").as_uri())
    tab.fill("input[type=search]", "wrn params")
    head = tab.locator("#all th", has_text="ours")
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    found = tab.locator("#all tbody tr:visible td:nth-child(6)").all_inner_texts()
    numbers = [int(text.replace(",", "")) for text in found if text]
    assert numbers == sorted(numbers)
    assert len(numbers) > 20
    head.locator("button").click()
    last = tab.locator("#all tbody tr:visible td:nth-child(6)").first.inner_text()
    assert int(last.replace(",", "")) == max(numbers)


@browser_test
def test_a_deep_link_and_the_way_to_a_model(tab: Any, site: Path) -> None:
    text = (site / "index.html").read_text(encoding="utf-8")
    identity = re.findall(r"<tr id=(c[0-9a-f]{8})><td>wrn<td>wrn28_10<td>params", text)[0]
    tab.goto(f"{(site / 'index.html').as_uri()}#{identity}")
    row = tab.locator(f"#{identity}")
    row.wait_for()
    box = row.bounding_box()
    assert box
    assert 0 < box["y"] < 800
    row.locator("a").click()
    assert tab.locator("h1").inner_text() == "wrn28_10"
    assert tab.url.endswith(f"models/wrn28_10.html#{identity}")


@browser_test
def test_the_command_is_copied(tab: Any, site: Path) -> None:
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.goto((site / "index.html").as_uri())
    tab.fill("input[type=search]", "rcan_x2 psnr set5 kept")
    button = tab.locator("#all tbody tr:visible button").first
    button.click()
    tab.wait_for_function(
        "() => [...document.querySelectorAll('.take')].some(b => b.textContent === 'Copied')"
    )
    assert tab.evaluate("navigator.clipboard.readText()") == "zoo check rcan_x2 --data DIR"


@browser_test
def test_the_slider_cuts_where_it_stands(tab: Any, site: Path) -> None:
    tab.goto((site / "models" / "rcan_tiny_x2.html").as_uri())
    after, slider = tab.locator(".slider .after"), tab.locator(".slider input")
    cut = "element => getComputedStyle(element).clipPath"
    assert after.evaluate(cut) == "inset(0px 0px 0px 50%)"
    slider.focus()
    slider.press("Home")
    assert after.evaluate(cut) == "inset(0px 0px 0px 0%)"
    one, two = (tab.locator(f".slider img >> nth={n}").bounding_box() for n in (0, 1))
    assert one == two
    assert after.evaluate("image => image.naturalWidth") == 256


@browser_test
def test_themes_are_the_systems_until_one_is_chosen(tab: Any, site: Path) -> None:
    ground = "() => getComputedStyle(document.body).backgroundColor"
    tab.goto((site / "about.html").as_uri())
    light = tab.evaluate(ground)
    tab.emulate_media(color_scheme="dark")
    dark = tab.evaluate(ground)
    assert dark != light == "rgb(255, 255, 255)"
    tab.locator("button.theme").click()
    assert tab.evaluate(ground) == light
    tab.goto((site / "index.html").as_uri())
    assert tab.evaluate(ground) == light


@browser_test
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "name", ["index", "about", "papers/rcan", "models/rcan_tiny_x2", "benchmarks/digits_test"]
)
def test_axe_finds_nothing(name: str, scheme: str, tab: Any, site: Path) -> None:
    from axe_playwright_python.sync_playwright import Axe

    tab.emulate_media(color_scheme=scheme)
    tab.set_viewport_size({"width": 390, "height": 800})
    tab.goto((site / f"{name}.html").as_uri())
    if name == "index":  # the same rows 1,475 times take axe a minute
        tab.fill("input[type=search]", "wrn28_10")
    found = Axe().run(tab, options={"preload": False}).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"][:200]) for v in found] == []


@browser_test
def test_without_a_script_it_is_plain_tables(chromium: Any, site: Path) -> None:
    page = chromium.new_context(java_script_enabled=False).new_page()
    page.goto((site / "index.html").as_uri())
    assert page.locator("#all tbody tr:visible").count() == 1475
    assert page.locator("form:visible, button:visible").count() == 0
    page.goto((site / "models" / "rcan_tiny_x2.html").as_uri())
    assert page.locator(".slider img:visible").count() == 2
    assert page.locator("code.copy", has_text="zoo check rcan_tiny_x2.zoo_photos").count() > 0
    page.context.close()
