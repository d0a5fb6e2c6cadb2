"""Hostile texts of a paper.toml: they are shown, and mean nothing."""

from dataclasses import replace

import pytest
from huggingface_hub import ModelCard
from markdown_it import MarkdownIt

from tests.reporting.test_cards import BY_HAND, KNOWN, data, tables
from tests.support.patching import replace_everywhere
from zoo.papers.loading import load_papers
from zoo.papers.weights import Weights
from zoo.reporting import cards
from zoo.reporting.cards import markdown

NASTY = (
    "x | y\n---\n# no <script>alert(1)</script> ![i](http://e.org/i) `c` *b* "
    f"{cards.BEGIN}\r\n{cards.END} \u2028{{{{ 7*7 }}}} {{% raw %}}"
)


def nasty(monkeypatch: pytest.MonkeyPatch, name: str) -> Weights:
    """Weights of a paper whose every text is hostile."""
    papers = []
    for paper in load_papers():
        mine = [w for w in paper.weights if w.name == name]
        if mine:
            texts = {"title": NASTY, "bibtex": f"```\n{NASTY}\n````", "authors": (NASTY,)}
            claims = [replace(c, where=NASTY, aggregation=NASTY) for c in paper.claims]
            claims = [replace(c, benchmark=NASTY) if c.kind == "measured" else c for c in claims]
            changed = {w: f"{NASTY}{w}" for w in ("what", "paper", "why")}
            protocols = dict.fromkeys(paper.protocols, NASTY)
            deviations = tuple(replace(d, **changed) for d in paper.deviations)
            paper = replace(paper, claims=tuple(claims), protocols=protocols, **texts)  # noqa: PLW2901
            paper = replace(paper, deviations=deviations)  # noqa: PLW2901
        papers.append(paper)
    replace_everywhere(monkeypatch, "zoo.papers.loading.load_papers", lambda: tuple(papers))
    weights = KNOWN[name]
    return replace(weights, note=NASTY, origin=NASTY, license=NASTY, recipe=NASTY)


def html(text: str) -> str:
    """What a browser gets of a card, without its front matter."""
    shown: str = (
        MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(ModelCard(text).text)
    )
    return shown


def test_card_hostile_text_keeps_structure(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = KNOWN["resnet20.zoo_digits"]
    normal = cards.card(plain, cards.rows(plain))
    weights = nasty(monkeypatch, plain.name)
    text = cards.card(weights, cards.rows(weights))
    outside, code, _ = text.partition("## Citation")
    assert code
    assert [len(table) for table in tables(outside)] == [len(table) for table in tables(normal)]
    for table in tables(outside):
        assert len({len(row) for row in table}) == 1
    assert data(text).license == "other"
    assert [r.metric_value for r in data(text).eval_results or []] == [99.44]
    for forbidden in ("<script", "<img", 'e.org/i"', "<code>c", "<em>b", "<hr", "<del"):
        assert forbidden not in html(text)
    assert "{{ 7*7 }} {% raw %}" in html(text)
    for tag in ("<h2", "<tr", "<td", "<li", "<p>", "<pre"):
        assert html(text).count(tag) == html(normal).count(tag)
    heads = [line for line in outside.splitlines() if line.startswith("#")]
    assert heads == [line for line in normal.splitlines() if line.startswith("#")][:-1]
    assert outside.count(cards.BEGIN) == outside.count(cards.END) == 1
    note = f"{cards.BEGIN}\nmine\n{cards.END}"
    assert cards.merge(text, text.replace(BY_HAND, note)) == text.replace(BY_HAND, note)


def test_fenced_backticks_in_code_get_longer_fence() -> None:
    text = markdown.fenced("a ```` b\n```\nc", "bibtex")
    assert text.splitlines()[0] == "`````bibtex"
    assert text.splitlines()[-1] == "`````"


def test_link_non_http_url_stays_plain_text() -> None:
    assert markdown.link("a", "javascript:alert(1)") == "a"
    assert markdown.link("a]", "https://x.org/a b)(c") == r"[a\]](https://x.org/a%20b%29%28c)"
