"""Charts of how far our numbers are from the printed ones, in percent of those.

rows -> a point per number, by paper or by table | numbers by the size of their deviation
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from zoo.claims.verdict import Evidence, Status, Tally, Verdict
from zoo.reporting.site.charts import Figure, axis
from zoo.reporting.site.rows import VerdictRow, by_place
from zoo.reporting.site.vega import WIDE, Mark, svg

SHAPES: dict[str, str] = {  # by status
    Status.REPRODUCED: "circle",
    Status.NOT_REPRODUCED: "triangle-down",
    Status.EXCEEDS_REPORTED: "diamond",
}
EVIDENCE: dict[str, str] = {  # colours, by what decided a verdict
    Tally.ARCHITECTURE: "var(--series-7)",
    Evidence.AUTHORS: "var(--series-0)",
    Evidence.SAME_RECIPE: "var(--series-2)",
    Evidence.OTHER_RECIPE: "var(--series-3)",
    Evidence.TRAINED_HERE: "var(--series-4)",
}
COLOURS: dict[str, str] = {  # by status
    Status.REPRODUCED: "var(--good)",
    Status.EXCEEDS_REPORTED: "var(--better)",
    Status.NOT_REPRODUCED: "var(--bad)",
    Status.INCONCLUSIVE: "var(--open)",
}
SIZES = {0.1: "up to 0.1 %", 1.0: "0.1 to 1 %", 10.0: "1 to 10 %", float("inf"): "over 10 %"}


def deviation_sizes(lines: Iterable[VerdictRow]) -> list[Figure]:
    """Count numbers by the size of their deviation, for each kind of evidence by itself.

    The chart is as large for ten thousand numbers as for ten.
    """
    counts = Counter(
        (_evidence(line.verdict), _size(line.deviation), line.verdict.status)
        for line in lines
        if line.verdict.claim and line.deviation is not None
    )
    if not counts:
        return []
    kinds = [kind for kind in EVIDENCE if any(kind == known for known, _, _ in counts)]
    bars = [{"e": e, "x": size, "s": s, "y": n} for (e, size, s), n in counts.items()]
    marks = [Mark(f"{b['y']:,} {b['s']}: {b['e']}, {b['x']}", "deviations.html") for b in bars]
    sizes = ["0", *SIZES.values()]
    statuses = [status for status in COLOURS if any(bar["s"] == status for bar in bars)]
    colours = {"domain": statuses, "range": [COLOURS[status] for status in statuses]}
    spec = {
        "data": {"values": [bar | {"n": str(n)} for n, bar in enumerate(bars)]},
        "width": 110,
        "height": 130,
        "mark": {"type": "bar"},
        "encoding": {
            "x": {"field": "x", "type": "ordinal", "sort": sizes, "axis": {"title": ""}},
            "y": {"field": "y", "type": "quantitative", "axis": {"title": "numbers"}},
            "column": {
                "field": "e",
                "type": "nominal",
                "sort": kinds,
                "header": {"title": "", "labelColor": "var(--ink)", "labelFontSize": WIDE},
            },
            "color": {"field": "s", "type": "nominal", "scale": colours, "legend": {"title": ""}},
            "description": {"field": "n", "type": "nominal"},
        },
        "resolve": {"scale": {"y": "independent"}},
    }
    total = counts.total()
    return [
        Figure(
            title="How far ours are from the printed numbers",
            caption=f"{total:,} numbers by the size of the deviation, in percent of the printed "
            "one; those of each kind of evidence for themselves.",
            drawing=svg(spec, f"Sizes of the deviations of {total:,} numbers", marks),
        )
    ]


def _size(deviation: float) -> str:
    """Return the bin of a deviation."""
    return (
        next(name for limit, name in SIZES.items() if abs(deviation) <= limit) if deviation else "0"
    )


def deviations(
    lines: Iterable[VerdictRow], by: Literal["paper", "where"], root: str = "", here: bool = False
) -> list[Figure]:
    """Plot how far our numbers are from the printed ones, in percent of those, a row per paper or
    table. If `here`, points link to rows of the same page."""
    shown = [line for line in lines if line.verdict.claim and line.deviation is not None]
    if not shown:
        return []
    marks = [
        Mark(
            f"{v.model}: {v.metric} {v.claimed} claimed, {v.measured} here, {line.status}",
            f"#{line.id}" if here else line.paper_page,
        )
        for line in shown
        for v in [line.verdict]
    ]
    points = [
        {"x": line.deviation, "y": getattr(v, by), "s": v.status, "e": _evidence(v), "n": str(n)}
        for n, line in enumerate(shown)
        for v in [line.verdict]
    ]
    order = list(by_place(shown)) if by == "where" else None
    labels = {"title": "", "labelLimit": 300}
    rows = {"field": "y", "type": "nominal", "axis": labels, "sort": order}
    low, high = (edge(0.0, *(p["x"] for p in points)) for edge in (min, max))
    domain = [min(low, -1.0), max(high, 1.0)]
    title = "deviation from the printed number (%)"
    x = axis("x", title, type="symlog", constant=0.1, domain=domain)
    x["axis"]["values"] = [v for v in (-100, -10, -1, 0, 1, 10, 100) if domain[0] <= v <= domain[1]]
    return [
        Figure(
            title="How far ours are from the printed numbers",
            caption=f"{len(shown)} numbers. At 0, what the paper says is what comes out.",
            drawing=svg(
                {
                    "height": {"step": 16},
                    "width": 560,
                    "mark": {"type": "point", "opacity": 1, "size": 40, "strokeWidth": 1.5},
                    "data": {"values": points},
                    "encoding": {
                        "x": x,
                        "y": rows,
                        "description": {"field": "n", "type": "nominal"},
                        "shape": _scale("s", SHAPES, points),
                        "color": _scale("e", EVIDENCE, points),
                    },
                },
                f"Deviation from the printed numbers: {len(shown)} points; the tables hold all",
                marks,
                root,
            ),
        )
    ]


def _evidence(verdict: Verdict) -> str:
    return verdict.evidence or verdict.tally


def _scale(
    field: str, meanings: Mapping[str, str], points: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Encode a field by the shapes or colours of the values that occur."""
    domain = [value for value in meanings if any(point[field] == value for point in points)]
    scale = {"domain": domain, "range": [meanings[value] for value in domain]}
    return {
        "field": field,
        "type": "nominal",
        "scale": scale,
        "legend": {"title": "", "columns": 2},
    }
