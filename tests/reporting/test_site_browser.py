"""The report in a browser (Debian's Chromium), from the file system."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import zoo
from tests.reporting.test_site import claims_of, site

__all__ = ["site"]  # a fixture
pytestmark = pytest.mark.browser
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


def test_index_search_filters_rows_and_updates_url(tab: Any, site: Path) -> None:
    tab.goto(f"{(site / 'index.html').as_uri()}#?q=bicubic+set5&status=reproduced")
    tab.locator("#all tbody tr").first.wait_for()
    assert tab.locator("#all tbody tr:visible").count() == 7
    assert tab.locator("output").inner_text() == f"7 of {len(zoo.list_claims()):,}"
    tab.fill("input[type=search]", "plain56 training_error digits")
    tab.select_option("select", "")
    tab.locator("#all tbody tr", has_text="plain56").first.wait_for()
    assert tab.url.endswith("#?q=plain56+training_error+digits")


def test_index_column_header_sorts_rows(tab: Any, site: Path) -> None:
    tab.goto((site / "index.html").as_uri())
    tab.fill("input[type=search]", "wrn params")
    tab.locator("#all tbody tr").first.wait_for()
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


def test_index_deep_link_scrolls_and_opens_model_page(tab: Any, site: Path) -> None:
    text = (site / "claims" / "wrn.js").read_text(encoding="utf-8")
    claims = claims_of(text)
    identity = next(row[0] for row in claims if row[3:6] == ["wrn", "wrn28_10", "params"])
    tab.goto(f"{(site / 'index.html').as_uri()}#{identity}")
    row = tab.locator(f"#{identity}")
    row.wait_for()
    box = row.bounding_box()
    assert box
    assert 0 < box["y"] < 800
    row.locator("a").click()
    assert tab.locator("h1").inner_text() == "wrn28_10"
    assert tab.url.endswith(f"models/wrn28_10.html#{identity}")


def test_index_copy_button_copies_command(tab: Any, site: Path) -> None:
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.goto((site / "index.html").as_uri())
    tab.fill("input[type=search]", "rcan_x2 psnr set5 reproduced")
    button = tab.locator("#all tbody tr:visible button").first
    button.click()
    tab.wait_for_function(
        "() => [...document.querySelectorAll('.take')].some(b => b.textContent === 'Copied')"
    )
    assert tab.evaluate("navigator.clipboard.readText()") == "zoo check rcan_x2 --data DIR"


def test_model_page_slider_clips_image(tab: Any, site: Path) -> None:
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


def test_theme_follows_system_until_chosen(tab: Any, site: Path) -> None:
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


@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        ("index", "light"),
        ("index", "dark"),
        ("about", "light"),
        ("deviations", "dark"),
        ("papers/rcan", "light"),
        ("models/rcan_tiny_x2", "light"),
        ("models/rcan_tiny_x2", "dark"),
        ("benchmarks/digits_test", "dark"),
    ],
)
def test_page_has_no_axe_violations(name: str, scheme: str, tab: Any, site: Path) -> None:
    from axe_playwright_python.sync_playwright import Axe

    tab.emulate_media(color_scheme=scheme)
    tab.set_viewport_size({"width": 390, "height": 800})
    tab.goto((site / f"{name}.html").as_uri())
    if name == "index":
        tab.fill("input[type=search]", "wrn28_10 params")
        tab.locator("#all tbody tr").first.wait_for()
    found = Axe().run(tab, options={"preload": False}).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"][:200]) for v in found] == []


OVERLAPS = """() => [...document.querySelectorAll("svg[role=img]")].flatMap(svg => {
  const texts = [...svg.querySelectorAll("text")];
  const boxes = texts.map(e => [e.textContent, e.getBoundingClientRect()]);
  return boxes.flatMap(([one, a], i) => boxes.slice(i + 1).filter(([, b]) =>
    a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
  ).map(([other]) => [one, other]));
})"""


def test_texts_of_charts_do_not_touch(tab: Any, site: Path) -> None:
    """Long labels beside a title, close ticks, sizes that are all the same, legends in columns."""
    names = ("1bw_test", "div2k_valid10_bi_x3", "lm_eval_mean_of_tasks", "imagenet_val")
    for page in (*(f"benchmarks/{name}" for name in names), "papers/dncnn"):
        tab.goto((site / f"{page}.html").as_uri())
        assert tab.locator("svg[role=img]").count() > 0
        assert tab.evaluate(OVERLAPS) == [], page


def test_page_without_javascript_shows_plain_tables(chromium: Any, site: Path) -> None:
    page = chromium.new_context(java_script_enabled=False).new_page()
    page.goto((site / "index.html").as_uri())
    papers = page.locator(".papers tbody tr:visible")
    assert papers.count() == len(zoo.list_papers())
    assert page.locator("form:visible, button:visible").count() == 0
    papers.locator("a", has_text="Wide Residual Networks").click()
    claims = zoo.list_claims(paper="wrn")
    assert page.locator(".claims").first.locator("tbody tr[id]:visible").count() == len(claims)
    page.goto((site / "models" / "rcan_tiny_x2.html").as_uri())
    assert page.locator(".slider img:visible").count() == 2
    assert page.locator("code.copy", has_text="zoo check rcan_tiny_x2.zoo_photos").count() > 0
    page.context.close()
