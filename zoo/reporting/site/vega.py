"""A chart as a small drawing inside a page: no script, no request, the colours of the page's theme.

Vega-Lite specification -> vl-convert -> SVG -> its titles, links and colours made the page's

Vega-Lite, because a chart is data there (no figure that is open, no state), and because
vl-convert-python, which the Vega-Altair project keeps, draws it in this process without a browser:
50 ms a chart, text that remains text, colours passed on as they are, so that `var(--kept)` follows
the theme. matplotlib writes its colours and glyphs into the file; Plotly and Bokeh bring megabytes
of script; Altair would add a check of the specification that refuses `var(...)`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from markupsafe import Markup

SVG = "{http://www.w3.org/2000/svg}"
SIZE = {"width": 400, "height": 300}
TEXT = {"labelColor": "var(--muted)", "titleColor": "var(--ink)"}
CONFIG = {
    "axis": TEXT
    | {
        "gridColor": "var(--line)",
        "domainColor": "var(--muted)",
        "tickColor": "var(--muted)",
        "labelFontSize": 13,
        "titleFontSize": 13,
        "titleFontWeight": "normal",
    },
    "legend": TEXT
    | {
        "orient": "bottom",
        "columns": 3,
        "labelFontSize": 13,
        "title": None,
        "labelLimit": 240,
        "symbolStrokeWidth": 2,
    },
    "view": {"stroke": None},
}
NEEDED = "the report's charts need vl-convert-python; install residual-zoo[report]"
DROPPED = {
    "aria-hidden",
    "aria-label",
    "aria-roledescription",
    "class",
    "font-family",
    "pointer-events",
    "role",
    "stroke-miterlimit",
}
DEFAULTS = {"opacity": "1", "stroke-width": "1"}


@dataclass(frozen=True)
class Mark:
    """What a mark of a chart tells: a title, and the page of the site that it leads to."""

    title: str
    link: str = ""


def svg(spec: Mapping[str, Any], told: str, marks: Sequence[Mark] = (), root: str = "") -> Markup:
    """The drawing of a chart, `told` to who cannot see it. A datum's field `n` is the index of its
    Mark; links are seen from `root`. Raises LookupError if the renderer is not installed."""
    try:
        import vl_convert
    except ImportError:
        raise LookupError(NEEDED) from None
    whole = SIZE | {"background": "transparent", "config": CONFIG} | dict(spec)
    drawn = ElementTree.fromstring(vl_convert.vegalite_to_svg(json.dumps(whole)))
    _slim(drawn, marks, root)
    size = drawn.attrib["viewBox"].split()
    drawn.attrib = {
        "viewBox": " ".join(size),
        "style": f"max-width:{size[2]}px",
        "role": "img",
        "aria-label": told,
    }
    return Markup(ElementTree.tostring(drawn, encoding="unicode", short_empty_elements=True))


def _slim(element: ElementTree.Element, marks: Sequence[Mark], root: str) -> None:
    """Leaves out what shows nothing, in place; gives marks their titles and links."""
    element.tag = element.tag.removeprefix(SVG)
    label = element.get("aria-label", "")
    is_mark = element.get("role") == "graphics-symbol" and label.isdigit()
    kept = {k: _short(v) for k, v in element.attrib.items() if k not in DROPPED}
    element.attrib = {k: v for k, v in kept.items() if DEFAULTS.get(k) != v}
    for child in list(element):
        if _is_empty(child):
            element.remove(child)
        else:
            _slim(child, marks, root)
    if is_mark:
        mark = marks[int(label)]
        ElementTree.SubElement(element, "title").text = mark.title
        if mark.link:
            element.set("data-to", root + mark.link)


def _is_empty(element: ElementTree.Element) -> bool:
    """Whether an element draws nothing: the frames of groups that have none."""
    hidden = element.get("display") == "none"
    return hidden or (element.tag == f"{SVG}path" and element.get("class") == "background")


def _short(value: str) -> str:
    """Coordinates with one decimal, which is less than can be seen."""
    return re.sub(r"-?\d+\.\d+", lambda n: f"{float(n[0]):.1f}".removesuffix(".0"), value)
