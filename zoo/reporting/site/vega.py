"""Vega-Lite charts as inline SVG in the colours of the page's theme.

Vega-Lite specification -> vl-convert -> SVG -> its titles, links and colours made the page's

vl-convert-python renders a chart in this process without a browser: text remains text and colours
pass through, so that `var(--good)` follows the theme. Altair's check of a specification refuses
`var(...)`; matplotlib writes colours and glyphs into the file; Plotly and Bokeh need their scripts.
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
WIDE = (
    16  # px: texts are placed as if so large and shown at 13, for fonts wider than the renderer's
)
TEXT = {"labelColor": "var(--muted)", "titleColor": "var(--ink)"}
CONFIG = {
    "axis": TEXT
    | {
        "gridColor": "var(--line)",
        "domainColor": "var(--muted)",
        "tickColor": "var(--muted)",
        "labelFontSize": WIDE,
        "titleFontSize": WIDE,
        "titleFontWeight": "normal",
    },
    "legend": TEXT
    | {
        "orient": "bottom",
        "columns": 2,
        "columnPadding": 40,
        "layout": {"margin": 60},
        "labelFontSize": WIDE,
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
    """Title and link of a chart's mark."""

    title: str
    link: str = ""


def svg(spec: Mapping[str, Any], label: str, marks: Sequence[Mark] = (), root: str = "") -> Markup:
    """Render a chart as SVG with an accessible `label`. A datum's field `n` is the index of its
    Mark; links are relative to `root`. Raises LookupError without the renderer."""
    try:
        import vl_convert
    except ImportError:
        raise LookupError(NEEDED) from None
    whole = SIZE | {"background": "transparent", "config": CONFIG} | dict(spec)
    drawing = ElementTree.fromstring(vl_convert.vegalite_to_svg(json.dumps(whole)))
    _slim(drawing, marks, root)
    size = drawing.attrib["viewBox"].split()
    drawing.attrib = {
        "viewBox": " ".join(size),
        "style": f"max-width:{size[2]}px",
        "role": "img",
        "aria-label": label,
    }
    return Markup(ElementTree.tostring(drawing, encoding="unicode", short_empty_elements=True))


def _slim(element: ElementTree.Element, marks: Sequence[Mark], root: str) -> None:
    """Remove invisible elements in place; give marks their titles and links."""
    element.tag = element.tag.removeprefix(SVG)
    label = element.get("aria-label", "")
    is_mark = element.get("role") == "graphics-symbol" and label.isdigit()
    attributes = {k: _short(v) for k, v in element.attrib.items() if k not in DROPPED}
    element.attrib = {k: v for k, v in attributes.items() if DEFAULTS.get(k) != v}
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
    """True if an element draws nothing."""
    hidden = element.get("display") == "none" or element.get("opacity") == "0"
    blank = element.tag == f"{SVG}text" and not "".join(element.itertext()).strip()
    return hidden or blank or (element.tag == f"{SVG}path" and element.get("class") == "background")


def _short(value: str) -> str:
    """Round coordinates to one decimal."""
    return re.sub(r"-?\d+\.\d+", lambda n: f"{float(n[0]):.1f}".removesuffix(".0"), value)
